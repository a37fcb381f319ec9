"""The other end: residents, homes, devices and recorded days that publish as real ones do."""

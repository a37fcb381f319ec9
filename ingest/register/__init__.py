"""Who is looked after and with what: dongs, households, residents, guardians, devices."""

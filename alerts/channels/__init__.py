"""Ways to reach people, each an adapter of `alerts.delivery.Channel`."""

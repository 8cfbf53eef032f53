"""Programs that train by way of other people's packages, each well and sick."""

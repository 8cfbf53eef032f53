"""Small trainings of many kinds, bare and under watch: every number they end with is compared bit for bit."""

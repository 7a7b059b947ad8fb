package postgres

// FreePort is for tests.
var FreePort = freePort

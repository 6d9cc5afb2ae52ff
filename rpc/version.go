package rpc

// Version is that of the server. It follows semantic versioning; CHANGELOG.md tells what each one brought.
const Version = "0.1.0"

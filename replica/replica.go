// Package replica is the in-memory copy of flag state that server and edge serve from.
//
// A Store holds one immutable State an environment and swaps it atomically on every change; readers take the pointer and
// need no lock. A State answers three questions for a scope (environment, projects, name prefix): what is there
// (Features, Hydration), what has changed since a cursor (Since), and which revision is the newest the scope can notice.
// It resumes by range: any cursor whose row the log still holds gets exactly what changed since, one item a flag.
//
// replica knows nothing of SQL, HTTP or connections. It may import eval and token.
package replica

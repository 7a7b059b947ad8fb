// Package link is the server side of the link between an edge and its upstream: one WebSocket that carries the changes of
// all scopes of the edge behind one cursor, and what becomes of the tokens it has accepted. docs/protocol.md describes it
// from the outside; wire.go holds its frames, which the edge's side uses too.
package link

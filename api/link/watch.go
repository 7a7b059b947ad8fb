package link

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

type hash = [sha256.Size]byte

// watches knows which links watch which tokens. A token that many edges have accepted is held once, and a few bytes for
// each of them. It is safe for concurrent use.
type watches struct {
	mu      sync.Mutex
	byHash  map[hash]*watch
	byToken map[string][]*watch // a token has two hashes if it has an alias
}

// watch is one secret that somebody watches.
type watch struct {
	hash    hash
	tokenID string
	links   map[*link]struct{} // guarded by watches.mu, as link.watching is
}

func (ws *watches) init() {
	ws.byHash, ws.byToken = map[hash]*watch{}, map[string][]*watch{}
}

// add has the link watch the secret with that hash, of the token with that ID. It returns how many it watches.
func (ws *watches) add(l *link, sum hash, tokenID string) int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w := ws.byHash[sum]
	if w != nil && w.tokenID != tokenID { // another token by the same secret
		for other := range w.links {
			delete(other.watching, w)
			other.note(tokenFrame(sum, Changed))
		}
		ws.drop(w)
		w = nil
	}
	if w == nil {
		w = &watch{hash: sum, tokenID: tokenID, links: map[*link]struct{}{}}
		ws.byHash[sum] = w
		ws.byToken[tokenID] = append(ws.byToken[tokenID], w)
	}
	w.links[l] = struct{}{}
	l.watching[w] = struct{}{}
	return len(l.watching)
}

// remove ends the watch of one link and reports whether there was one.
func (ws *watches) remove(l *link, sum hash) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w := ws.byHash[sum]
	if w == nil {
		return false
	}
	_, watched := w.links[l]
	delete(l.watching, w)
	ws.without(w, l)
	return watched
}

// leave ends all watches of a link.
func (ws *watches) leave(l *link) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range l.watching {
		ws.without(w, l)
	}
	clear(l.watching)
}

// end tells those who watch the token of its state, which ends their watches.
func (ws *watches) end(tokenID string, state TokenState) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.byToken[tokenID] {
		for l := range w.links {
			delete(l.watching, w)
			l.note(tokenFrame(w.hash, state))
		}
		delete(ws.byHash, w.hash)
	}
	delete(ws.byToken, tokenID)
}

func (ws *watches) without(w *watch, l *link) {
	delete(w.links, l)
	if len(w.links) == 0 {
		ws.drop(w)
	}
}

// drop forgets a watch that no link has any more.
func (ws *watches) drop(w *watch) {
	delete(ws.byHash, w.hash)
	rest := ws.byToken[w.tokenID]
	for i, other := range rest {
		if other == w {
			rest = append(rest[:i], rest[i+1:]...)
			break
		}
	}
	if len(rest) == 0 {
		delete(ws.byToken, w.tokenID)
		return
	}
	ws.byToken[w.tokenID] = rest
}

func tokenFrame(sum hash, state TokenState) FromServer {
	return FromServer{Type: TypeToken, Hash: hex.EncodeToString(sum[:]), State: state}
}

// watch does what a watch asks for. It returns an error when that is more than a link may.
func (l *link) watch(names []string) error {
	tokens := l.h.config.Tokens
	for _, name := range names {
		sum, seen, ok := parseWatched(name)
		if !ok {
			return errMalformed
		}
		known, ok := tokens.ByHash(sum)
		if !ok {
			l.note(tokenFrame(sum, Unknown))
			continue
		}
		if l.h.watches.add(l, sum, known.ID) > MaxWatches {
			return errTooMuch
		}
		// What has become of the token before it was on the books, nobody tells us.
		state := Unknown
		if known, ok = tokens.ByHash(sum); ok {
			if seen == "" || seen == fingerprint(known) {
				continue
			}
			state = Changed
		}
		if l.h.watches.remove(l, sum) { // else it was told
			l.note(tokenFrame(sum, state))
		}
	}
	return nil
}

func (l *link) unwatch(names []string) error {
	for _, name := range names {
		sum, _, ok := parseWatched(name)
		if !ok {
			return errMalformed
		}
		l.h.watches.remove(l, sum)
	}
	return nil
}

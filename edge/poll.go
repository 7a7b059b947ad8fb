package edge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// requestTimeout bounds a poll from the dialling to the last byte, unless the configuration does.
	requestTimeout = 30 * time.Second

	// maxDocument is how much an upstream may answer at once, in bytes.
	maxDocument = 512 << 20

	// resyncEvery is after what time a poll asks for everything whatever the revision: an upstream that was restored to an
	// older state may call a newer one "not modified".
	resyncEvery = 10 * time.Minute
)

// poll asks once, for everything or for what has changed.
func (f *feed) poll(ctx context.Context, mode Mode) error {
	ctx, cancel := context.WithTimeout(ctx, f.up.config.RequestTimeout)
	defer cancel()
	path, tag := "/client/features", &f.fullTag
	if mode == Delta {
		path, tag = "/client/delta", &f.deltaTag
	}
	now := time.Now()
	if now.Sub(f.wholeAt) >= resyncEvery {
		*tag = ""
	}
	r, err := f.up.request(ctx, f.token, path, f.query())
	if err != nil {
		return err
	}
	r.Header.Set("Unleash-Interval", milliseconds(f.up.config.RefreshInterval))
	if *tag != "" {
		r.Header.Set("If-None-Match", *tag)
	}
	answer, err := f.up.http.Do(r)
	if err != nil {
		return fmt.Errorf("poll the upstream: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		f.contact(mode)
		return nil
	default:
		_, _ = io.CopyN(io.Discard, answer.Body, 4<<10) // so that the connection can be used again
		return newStatusError(answer)
	}
	if err := f.takeAnswer(ctx, answer); err != nil {
		return err
	}
	if *tag == "" {
		f.wholeAt = now
	}
	f.deltaTag, f.fullTag = "", "" // what another mode knew is past
	*tag = answer.Header.Get("Etag")
	f.contact(mode)
	if strings.EqualFold(answer.Header.Get("Fetch-Mode"), "streaming") {
		f.bars[Streaming] = bar{} // there is room for us again
	}
	return nil
}

func (f *feed) takeAnswer(ctx context.Context, answer *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument))
	if err != nil {
		return fmt.Errorf("read the upstream's answer: %w", err)
	}
	d, err := parseDocument(body)
	if err != nil {
		return err
	}
	if err := f.take(ctx, d, revisionOf(answer.Header.Get("Etag")), false); err != nil {
		return err
	}
	f.received(d, body)
	return nil
}

// received passes an answer on to whoever wants it as it came.
func (f *feed) received(d document, body []byte) {
	if f.up.config.Received == nil {
		return
	}
	if d.Events != nil {
		body = nil
	}
	f.up.config.Received(body)
}

// query narrows what is asked for.
func (f *feed) query() string {
	filter := f.up.config.Filter
	values := url.Values{}
	if filter.Project != "" {
		values.Set("project", filter.Project)
	}
	if filter.NamePrefix != "" {
		values.Set("namePrefix", filter.NamePrefix)
	}
	for _, tag := range filter.Tags {
		values.Add("tag", tag)
	}
	return values.Encode()
}

// revisionOf is the revision in an ETag of /client/features, which reads "<hash>:<revision>" or "<hash>:<revision>:v1"; 0 if
// it holds none.
func revisionOf(tag string) int64 {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(tag, "W/"), `"`), ":")
	if len(parts) < 2 {
		return 0
	}
	revision, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || revision < 0 || revision > maxRevision {
		return 0
	}
	return revision
}

// revisionInside is the revision that a document names itself; 0 if it names none.
func revisionInside(body []byte) int64 {
	var document struct {
		Meta struct {
			Revision int64 `json:"revisionId"`
		} `json:"meta"`
	}
	if json.Unmarshal(body, &document) != nil || document.Meta.Revision < 0 || document.Meta.Revision > maxRevision {
		return 0
	}
	return document.Meta.Revision
}

// maxRevision keeps what an upstream calls a revision within what Unleash Edge can read as one.
const maxRevision = 1<<32 - 1

package ceiling

import (
	"io"
	"net/http"
)

// maxFrame bounds a published frame, in bytes.
const maxFrame = 1 << 20

// RawFan serves GET /stream from the fan; a frame posted to /publish goes to every stream as it is.
func RawFan(fan *Fan) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /stream", fan)
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) {
		frame, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFrame))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fan.Send(frame)
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

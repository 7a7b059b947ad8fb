package edge

import (
	"context"
	"net/http"
	"runtime"
	"time"
)

// What the upstream is told of the program.
const platformName = "go"

var platformVersion = runtime.Version()

// strategies are those of package eval, in the order in which the Node SDK reports them.
var strategies = []string{
	"default", "applicationHostname", "gradualRolloutRandom", "gradualRolloutUserId", "gradualRolloutSessionId",
	"userWithId", "remoteAddress", "flexibleRollout",
}

// registerSchema is the body of POST /client/register.
type registerSchema struct {
	AppName         string    `json:"appName"`
	InstanceID      string    `json:"instanceId"`
	ConnectionID    string    `json:"connectionId"`
	SDKVersion      string    `json:"sdkVersion"`
	SDKType         string    `json:"sdkType"`
	Strategies      []string  `json:"strategies"`
	Started         time.Time `json:"started"`
	Interval        int64     `json:"interval"` // milliseconds
	PlatformName    string    `json:"platformName"`
	PlatformVersion string    `json:"platformVersion"`
	SpecVersion     string    `json:"specVersion"`
}

// register tells the upstream, for every token, that this program is there and which strategies it knows. It tries again,
// slowly, until the upstream has taken it or ctx is done.
func (u *Upstream) register(ctx context.Context, custom []string, metricsInterval time.Duration) error {
	body := encoded(registerSchema{
		AppName: u.config.AppName, InstanceID: u.config.InstanceID, ConnectionID: u.connectionID,
		SDKVersion: "pennon:" + u.config.Version, SDKType: "backend", Strategies: append(append([]string{}, strategies...), custom...),
		Started: time.Now().UTC(), Interval: metricsInterval.Milliseconds(),
		PlatformName: platformName, PlatformVersion: platformVersion, SpecVersion: specVersion,
	})
	for _, t := range u.tokens() {
		for failures := 0; ctx.Err() == nil; failures++ {
			status, err := u.post(ctx, t, "/client/register", body)
			if err == nil && status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
				if status >= http.StatusBadRequest {
					u.config.Logger.Warn("the upstream does not take the registration", "status", status)
				}
				break
			}
			timer := time.NewTimer(doubled(backoffFirst, troubleMax, failures))
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			timer.Stop()
		}
	}
	return nil
}

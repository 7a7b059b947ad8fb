// Command shop prints which checkout callers get, and again whenever that changes: with the Unleash SDK for Go.
package main

import (
	stdcontext "context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/Unleash/unleash-client-go/v4"
	"github.com/Unleash/unleash-client-go/v4/context"
)

const flag = "new-checkout"

// callers are who asks. UserId, SessionId and RemoteAddress are Unleash's own fields; constraints name the others as they are.
var callers = []context.Context{
	{UserId: "alice", Properties: map[string]string{"plan": "gold", "tenantId": "acme", "role": "admin", "region": "eu"}},
	{UserId: "bob", Properties: map[string]string{"plan": "lead", "tenantId": "acme", "role": "user", "region": "eu"}},
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	server, secret := os.Getenv("UNLEASH_URL"), os.Getenv("UNLEASH_API_TOKEN")
	if server == "" || secret == "" {
		return fmt.Errorf("set the environment variables UNLEASH_URL and UNLEASH_API_TOKEN")
	}
	name := os.Getenv("UNLEASH_APP_NAME")
	if name == "" {
		name = "shop-go"
	}
	news := newListener()
	client, err := unleash.NewClient(
		unleash.WithAppName(name),
		unleash.WithUrl(strings.TrimRight(server, "/")+"/api"),
		unleash.WithCustomHeaders(http.Header{"Authorization": {secret}}),
		unleash.WithRefreshInterval(seconds("UNLEASH_REFRESH_SECONDS", 15)),
		unleash.WithMetricsInterval(seconds("UNLEASH_METRICS_SECONDS", 60)),
		unleash.WithListener(news),
	)
	if err != nil {
		return err
	}
	defer client.Close()

	stopped, stop := signal.NotifyContext(stdcontext.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	printed := map[string]string{}
	for {
		select {
		case <-stopped.Done():
			return nil
		case <-news.changed:
		}
		for _, caller := range callers {
			answer := checkout(client, caller)
			if printed[caller.UserId] != answer {
				printed[caller.UserId] = answer
				fmt.Printf("%s: %s is %s\n", caller.UserId, flag, answer)
			}
		}
	}
}

func checkout(client *unleash.Client, caller context.Context) string {
	if !client.IsEnabled(flag, unleash.WithContext(caller)) {
		return "off"
	}
	return "on, " + client.GetVariant(flag, unleash.WithVariantContext(caller)).Name
}

// seconds reads a duration; fractions are allowed.
func seconds(name string, standard float64) time.Duration {
	if given, err := strconv.ParseFloat(os.Getenv(name), 64); err == nil {
		standard = given
	}
	return time.Duration(standard * float64(time.Second))
}

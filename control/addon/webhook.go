package addon

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/outbound"
)

const templateExample = `{
  "event": "{{event.type}}",
  "by": "{{event.createdBy}}",
  "text": "{{event.summary}}",
  "json": {{{eventJson}}}
}`

var webhook = Provider{
	Name: "webhook", DisplayName: "Webhook",
	Description:      "Posts events to an address of your choice.",
	DocumentationURL: "https://mustache.github.io/mustache.5.html",
	HowTo: "Each event is posted as JSON, or as the template says. Any 2xx status accepts it; otherwise it is sent again, later and " +
		"later, for about an hour and a half. The header Webhook-Id is the same for each attempt.",
	Parameters: []Parameter{
		urlParameter("Webhook URL", "Where events are posted to."),
		{Name: "contentType", DisplayName: "Content-Type", Kind: "text", Placeholder: jsonType, check: headerValue, Description: "The Content-Type of the body; JSON when left blank."},
		{Name: "authorization", DisplayName: "Authorization", Kind: "text", Sensitive: true, check: headerValue, Description: "The Authorization header; none when left blank."},
		customHeaders(),
		bodyTemplate(templateExample),
	},
	compose: func(m message) ([]outbound.Request, error) {
		r, err := m.hook()
		return []outbound.Request{r}, err
	},
}

var generic = Provider{
	Name: "generic", DisplayName: "HTTP request",
	Description:      "Sends events to any HTTP API, signed when you wish.",
	DocumentationURL: "https://www.standardwebhooks.com",
	HowTo: "As a webhook, with a method of your choice. With a signing secret each request is signed as Standard Webhooks say: " +
		"webhook-id, webhook-timestamp and webhook-signature (v1, HMAC-SHA256 of id.timestamp.body).",
	Parameters: append([]Parameter{
		{Name: "method", DisplayName: "Method", Kind: "text", Placeholder: "POST", check: checkMethod, Description: "POST, PUT or PATCH; POST when left blank."},
		{Name: "signingSecret", DisplayName: "Signing secret", Kind: "text", Sensitive: true, check: checkSecret, Description: "whsec_ and a key in Base64, or any text."},
	}, webhook.Parameters...),
	compose: func(m message) ([]outbound.Request, error) {
		r, err := m.hook()
		if err != nil {
			return nil, err
		}
		if method := m.parameters["method"]; method != "" {
			r.Method = strings.ToUpper(method)
		}
		if secret := m.parameters["signingSecret"]; secret != "" {
			at := strconv.FormatInt(m.sentAt.Unix(), 10)
			r.Header["Webhook-Timestamp"] = at
			r.Header["Webhook-Signature"] = sign(secret, m.id+"."+at+"."+string(r.Body))
		}
		return []outbound.Request{r}, nil
	},
}

// hook is the request of a webhook: the event, or what the template makes of it.
func (m message) hook() (outbound.Request, error) {
	contentType := m.parameters["contentType"]
	if contentType == "" {
		contentType = jsonType
	}
	header := map[string]string{"Content-Type": contentType, "Webhook-Id": m.id}
	if authorization := m.parameters["authorization"]; authorization != "" {
		header["Authorization"] = authorization
	}
	body, err := m.templated(contentType)
	if err == nil && body == nil {
		body, err = m.document()
	}
	if err != nil {
		return outbound.Request{}, err
	}
	return m.request(m.parameters["url"], body, header)
}

// templated is the body that the user's template makes, or nil without one.
func (m message) templated(contentType string) ([]byte, error) {
	text := m.parameters["bodyTemplate"]
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	return m.render(text, contentType)
}

// secretPrefix marks a secret in Base64 (Standard Webhooks).
const secretPrefix = "whsec_"

func sign(secret, text string) string {
	key := []byte(secret)
	if encoded, ok := strings.CutPrefix(secret, secretPrefix); ok {
		if decoded, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			key = decoded
		}
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func checkSecret(text string) error {
	if encoded, ok := strings.CutPrefix(text, secretPrefix); ok {
		if _, err := base64.StdEncoding.DecodeString(encoded); err != nil {
			return errors.New("what follows whsec_ must be Base64")
		}
	}
	return nil
}

func checkMethod(text string) error {
	switch strings.ToUpper(text) {
	case "POST", "PUT", "PATCH":
		return nil
	}
	return errors.New("it must be POST, PUT or PATCH")
}

func headerValue(text string) error { return outbound.CheckHeader("X", text) }

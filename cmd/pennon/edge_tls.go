package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/pennonhq/pennon/edge"
)

// upstreamOptions are about the connections to the server.
type upstreamOptions struct {
	Headers    []string `name:"custom-client-headers" short:"H" env:"CUSTOM_CLIENT_HEADERS" placeholder:"NAME:VALUE" help:"Headers to send along with every request to the server."`
	Insecure   bool     `name:"skip-ssl-verification" short:"s" env:"SKIP_SSL_VERIFICATION" help:"Accept any certificate of the server."`
	CAFile     string   `name:"upstream-certificate-file" env:"UPSTREAM_CERTIFICATE_FILE" help:"File with certificates, PEM, that the server's may be signed by, beside the system's."`
	ClientCert string   `name:"pkcs8-client-certificate-file" env:"PKCS8_CLIENT_CERTIFICATE_FILE" help:"File with the certificate, PEM, to identify with."`
	ClientKey  string   `name:"pkcs8-client-key-file" env:"PKCS8_CLIENT_KEY_FILE" help:"File with its private key, PEM."`
	PEMFile    string   `name:"pem-cert-file" env:"PEM_CERT_FILE" help:"File with both, PEM."`
	PKCS12     string   `name:"pkcs12-identity-file" env:"PKCS12_IDENTITY_FILE" help:"File with both, PKCS #12."`
	Passphrase string   `name:"pkcs12-passphrase" env:"PKCS12_PASSPHRASE" help:"Passphrase of that file."`
	Connect    int      `name:"upstream-request-timeout" env:"UPSTREAM_REQUEST_TIMEOUT" default:"5" help:"Seconds that connecting may take."`
	Socket     int      `name:"upstream-socket-timeout" env:"UPSTREAM_SOCKET_TIMEOUT" default:"5" help:"Seconds that a request may take as a whole, and a stream until it begins."`
	KeepAlive  int      `name:"client-keepalive-timeout" env:"CLIENT_KEEPALIVE_TIMEOUT" default:"15" help:"Seconds between two TCP keep-alives to the server."`
}

// transport makes the connections.
func (o upstreamOptions) transport() (*http.Transport, error) {
	transport := edge.NewTransport(o.Insecure)
	transport.DialContext = edge.Dialer(seconds(o.Connect), seconds(o.KeepAlive)).DialContext
	transport.ResponseHeaderTimeout = seconds(o.Socket)
	if o.Connect < 1 || o.Socket < 1 {
		return nil, errors.New("timeouts are at least one second")
	}
	if o.CAFile != "" {
		content, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("--upstream-certificate-file: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(content) {
			return nil, errors.New("--upstream-certificate-file: there is no PEM certificate in the file")
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	identity, err := o.identity()
	if err != nil {
		return nil, err
	}
	if identity != nil {
		transport.TLSClientConfig.Certificates = []tls.Certificate{*identity}
	}
	return transport, nil
}

// identity is the certificate to identify with, and its key; nil if there is none.
func (o upstreamOptions) identity() (*tls.Certificate, error) {
	if given := countGiven(o.ClientCert+o.ClientKey, o.PEMFile, o.PKCS12); given == 0 {
		return nil, nil
	} else if given > 1 {
		return nil, errors.New("give one of --pkcs8-client-certificate-file with --pkcs8-client-key-file, --pem-cert-file and --pkcs12-identity-file")
	}
	certificate, key := o.ClientCert, o.ClientKey
	switch {
	case o.PKCS12 != "":
		return o.pkcs12()
	case o.PEMFile != "":
		certificate, key = o.PEMFile, o.PEMFile
	case certificate == "" || key == "":
		return nil, errors.New("--pkcs8-client-certificate-file and --pkcs8-client-key-file go together")
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate to identify with: %w", err)
	}
	return &pair, nil
}

func countGiven(values ...string) (given int) {
	for _, value := range values {
		if value != "" {
			given++
		}
	}
	return given
}

func (o upstreamOptions) pkcs12() (*tls.Certificate, error) {
	content, err := os.ReadFile(o.PKCS12)
	if err != nil {
		return nil, fmt.Errorf("--pkcs12-identity-file: %w", err)
	}
	key, leaf, chain, err := pkcs12.DecodeChain(content, o.Passphrase)
	if err != nil {
		return nil, fmt.Errorf("--pkcs12-identity-file: %w", err)
	}
	identity := &tls.Certificate{PrivateKey: key, Leaf: leaf, Certificate: [][]byte{leaf.Raw}}
	for _, authority := range chain {
		identity.Certificate = append(identity.Certificate, authority.Raw)
	}
	return identity, nil
}

func (o upstreamOptions) headers() (map[string]string, error) {
	headers := map[string]string{}
	for _, line := range trimmed(o.Headers) {
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, errors.New("--custom-client-headers: each is name:value") // the value may be secret: it is not quoted
		}
		headers[name] = strings.TrimSpace(value)
	}
	return headers, nil
}

// serverTLS reads what is needed to serve TLS; nil when it is not wanted.
func serverTLS(o surfaceOptions) (*tls.Config, error) {
	if !o.TLS {
		if o.RedirectToTLS {
			return nil, errors.New("--redirect-http-to-https needs --tls-enable")
		}
		return nil, nil
	}
	if o.TLSKey == "" || o.TLSCert == "" {
		return nil, errors.New("--tls-enable needs --tls-server-key and --tls-server-cert")
	}
	pair, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("read the certificate to serve with: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}

//go:build unix

package docs

import (
	"net/url"
	"strings"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// composeFile is what the pages use of Compose.
type composeFile struct {
	Services map[string]struct {
		Image       string            `yaml:"image"`
		Command     any               `yaml:"command"`
		Ports       []string          `yaml:"ports"`
		Environment map[string]string `yaml:"environment"`
		Volumes     []string          `yaml:"volumes"`
		Healthcheck struct {
			Test []string `yaml:"test"`
		} `yaml:"healthcheck"`
	} `yaml:"services"`
}

// deploymentFile is what the pages use of a Deployment of Kubernetes.
type deploymentFile struct {
	Kind string `yaml:"kind"`
	Spec struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Image string   `yaml:"image"`
					Args  []string `yaml:"args"`
					Env   []struct {
						Name      string `yaml:"name"`
						Value     string `yaml:"value"`
						ValueFrom struct {
							Secret struct {
								Name string `yaml:"name"`
								Key  string `yaml:"key"`
							} `yaml:"secretKeyRef"`
						} `yaml:"valueFrom"`
					} `yaml:"env"`
					ReadinessProbe probe `yaml:"readinessProbe"`
					LivenessProbe  probe `yaml:"livenessProbe"`
					Mounts         []struct {
						Path string `yaml:"mountPath"`
					} `yaml:"volumeMounts"`
				} `yaml:"containers"`
			} `yaml:"spec"`
		} `yaml:"template"`
	} `yaml:"spec"`
}

type probe struct {
	HTTP struct {
		Path string `yaml:"path"`
		Port int    `yaml:"port"`
	} `yaml:"httpGet"`
}

// secrets are the keys of the secrets that the pages' Deployments name.
var secrets = map[string]string{"server-token": "*:production.backend-secret"}

// deploy starts what the file describes as a process on a free port, and ends it once it is ready. Where an image's program
// is not there, pennon runs instead: the variables are the same, and that is what the pages say.
func (s *session) deploy(where, text string) {
	s.t.Helper()
	var compose composeFile
	require.NoError(s.t, yaml.Unmarshal([]byte(s.there.Replace(text)), &compose), where)
	for _, service := range compose.Services {
		port := freePort(s.t)
		env := []string{"PORT=" + port, "INTERFACE=127.0.0.1"}
		for name, value := range service.Environment {
			env = append(env, name+"="+s.mounted(value, service.Volumes))
		}
		probes := []string{"http://127.0.0.1:" + port + "/proxy/health"}
		if len(service.Healthcheck.Test) > 0 {
			address, err := url.Parse(s.back.Replace(service.Healthcheck.Test[len(service.Healthcheck.Test)-1]))
			require.NoError(s.t, err, where)
			require.Equal(s.t, "3063", address.Port(), where)
			probes[0] = "http://127.0.0.1:" + port + "/internal-backstage/ready"
		}
		require.Len(s.t, service.Ports, 1, where)
		var arguments []string
		if command, ok := service.Command.(string); ok {
			arguments = strings.Fields(command)
		}
		s.start(where, service.Image, env, arguments, probes)
	}
	var deployment deploymentFile
	require.NoError(s.t, yaml.Unmarshal([]byte(s.there.Replace(text)), &deployment), where)
	require.True(s.t, deployment.Kind == "Deployment" || len(compose.Services) > 0, "%s: neither a Compose file nor a Deployment", where)
	for _, container := range deployment.Spec.Template.Spec.Containers {
		port := freePort(s.t)
		env := []string{"PORT=" + port, "INTERFACE=127.0.0.1"}
		var mounts []string
		for _, mount := range container.Mounts {
			mounts = append(mounts, s.t.TempDir()+":"+mount.Path)
		}
		for _, variable := range container.Env {
			value := variable.Value
			if key := variable.ValueFrom.Secret.Key; key != "" {
				require.Contains(s.t, secrets, key, where)
				value = secrets[key]
			}
			env = append(env, variable.Name+"="+s.mounted(value, mounts))
		}
		var probes []string
		for _, p := range []probe{container.ReadinessProbe, container.LivenessProbe} {
			probes = append(probes, "http://127.0.0.1:"+port+p.HTTP.Path)
		}
		s.start(where, container.Image, env, container.Args, probes)
	}
}

// mounted is the value with paths in a container replaced by those of the folders that are mounted there.
func (s *session) mounted(value string, volumes []string) string {
	for _, volume := range volumes {
		if host, inside, ok := strings.Cut(volume, ":"); ok && strings.HasPrefix(value, inside) {
			if strings.HasPrefix(host, ".") {
				host = s.folder + "/" + host
			}
			return host + strings.TrimPrefix(value, inside)
		}
	}
	return value
}

// start runs what the image stands for until all probes have answered.
func (s *session) start(where, image string, env, arguments, probes []string) {
	s.t.Helper()
	program := s.programs["pennon"]
	for _, name := range []string{"unleash-edge", "unleash-proxy"} {
		if path, there := s.programs[name]; there && strings.Contains(image, name) {
			program = path
		}
	}
	if program == s.programs["pennon"] && len(arguments) == 0 {
		arguments = []string{"proxy"} // the image of @unleash/proxy takes none
	}
	stop := s.process(where, program, env, arguments, probes[0])
	for _, p := range probes {
		require.True(s.t, answers(p), "%s: %s", where, p)
	}
	stop()
}

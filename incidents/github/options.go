package github

import (
	"errors"

	"lapsewatch/internal/githubissues"
	"lapsewatch/internal/httpsend"
	"lapsewatch/watch"
)

// Options configure the issues of one repository.
type Options struct {
	httpsend.Endpoint `yaml:",inline"`
	Repository        string          `yaml:"repository" jsonschema_description:"owner/name of the repository whose issues are the status log"`
	Token             watch.SecretRef `yaml:"token" jsonschema_description:"where a token is kept that may read and write the repository's issues"`
	PublicRepository  bool            `yaml:"public_repository,omitempty" jsonschema_description:"write where everybody may read it; without it only a private repository is written to"`
	Labels            []string        `yaml:"labels,omitempty" jsonschema_description:"labels of each issue; issues are found again by the first; default incident"`
	Pause             watch.Duration  `yaml:"pause,omitempty" jsonschema_description:"pause between two writes, at most 1m; default 1s, which is what GitHub asks for"`
}

// defaultLabel is another one than that of the channel, whose issues are no incidents.
const defaultLabel = "incident"

func defaults() Options {
	return Options{Endpoint: httpsend.Endpoint{Timeout: httpsend.DefaultTimeout}, Labels: []string{defaultLabel}, Pause: githubissues.DefaultPause}
}

func (o Options) access() githubissues.Access {
	return githubissues.Access{Endpoint: o.Endpoint, Repository: o.Repository, Token: o.Token, Pause: o.Pause}
}

// Validate reports every wrong value with its place.
func (o Options) Validate() error {
	return errors.Join(o.access().Validate(), githubissues.ValidateLabels(o.Labels))
}

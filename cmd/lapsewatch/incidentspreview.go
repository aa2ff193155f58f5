package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lapsewatch/config"
	"lapsewatch/incidents"
)

type previewFlags struct {
	configFile, system, language string
}

func (a app) incidentsPreview() *cobra.Command {
	flags := &previewFlags{}
	command := &cobra.Command{
		Use:   "preview",
		Short: "Show the texts of incident stubs, phase by phase, on sample stories",
		Long: "Show the texts of incident stubs on sample stories, phase by phase: what everybody would\n" +
			"read, what staff would read, and the draft of a post-mortem. With a configuration they are\n" +
			"in its words, once for each status system; without one they are the built-in ones.\n" +
			"Nothing is asked of a status system.",
		Example: "  lapsewatch incidents preview\n  lapsewatch incidents preview --language fr\n  lapsewatch incidents preview --config lapsewatch.yaml --system status",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.preview(flags) },
	}
	command.Flags().StringVar(&flags.configFile, "config", "", "configuration `file` (or LAPSEWATCH_CONFIG)")
	command.Flags().StringVar(&flags.system, "system", "", "only the status system of this `name`")
	command.Flags().StringVar(&flags.language, "language", "", "language in place of the configured one: `en`|fr")
	return command
}

func (a app) preview(flags *previewFlags) error {
	settings, err := load(flags.configFile, nil, nil)
	if errors.Is(err, config.ErrNoFile) && flags.system == "" {
		settings, err = &config.Config{}, nil
	}
	if err != nil {
		return err
	}
	systems := settings.Incidents
	if flags.system != "" {
		systems = slices.DeleteFunc(slices.Clone(systems), func(system config.StatusSystem) bool { return system.Name != flags.system })
		if len(systems) == 0 {
			return misused("", fmt.Errorf("no status system is named %q; the configured ones are %q", flags.system, systemNames(settings)))
		}
	}
	if len(systems) == 0 {
		systems = []config.StatusSystem{{Name: "built-in texts"}}
	}
	var out strings.Builder
	for _, system := range systems {
		// A terminal has no markup to quote for.
		words, err := incidents.NewWords(cmp.Or(flags.language, system.Language), system.Texts, nil)
		if err == nil {
			err = previewOf(&out, system.Name, words)
		}
		if err != nil {
			return misused("", err)
		}
	}
	return a.print("%s", out.String())
}

func previewOf(out *strings.Builder, name string, words *incidents.Words) error {
	fmt.Fprintf(out, "══ %s ══\n", name)
	for _, story := range incidents.Samples() {
		title, titleErr := words.Title(story)
		text, textErr := words.Text(story)
		internal, internalErr := words.Internal(story)
		if err := cmp.Or(titleErr, textErr, internalErr); err != nil {
			return err
		}
		fmt.Fprintf(out, "\n── %s ──\n%s\n\n%s\n\n-- for staff --\n%s\n", story.Phase, title, text, internal)
		if story.Phase != "resolved" {
			continue
		}
		postmortem, err := words.Postmortem(story)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n-- draft of the post-mortem --\n%s\n", postmortem)
	}
	return nil
}

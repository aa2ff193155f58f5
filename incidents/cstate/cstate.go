// Package cstate keeps stubs as files of a status page that is built by Hugo with the
// theme cState (https://github.com/cstate/cstate): one Markdown file each, written whole or
// not at all, and committed and pushed where that is asked for. It builds nothing, runs no
// program, and touches no file that does not carry its key. What is for staff only never
// goes into the folder of the page.
package cstate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"lapsewatch/alerts"
	"lapsewatch/incidents"
	"lapsewatch/internal/gitfile"
	"lapsewatch/internal/stubkey"
	"lapsewatch/internal/stubseen"
)

// Kind is the status page of cState.
var Kind = incidents.Define("cstate", defaults, New)

type system struct {
	options Options
	env     incidents.Env
	git     *gitfile.Folder
}

// New makes a status page from valid options.
func New(options Options, env incidents.Env) (incidents.System, error) {
	return &system{options: options, env: env, git: gitfile.New(options.Git, env.Env, options.Folder)}, nil
}

// Traits: a hidden stub is a draft, which Hugo does not build.
func (s *system) Traits() incidents.Traits {
	return incidents.Traits{
		Hides: true, Plans: true, Place: "cstate " + s.options.Folder,
		TitleLimit: maxTitle, TextLimit: maxText, Quote: quote,
	}
}

// List gives the pages that carry a key of this installation, and none of several that
// carry the same; to read those is an error. Where commits are pushed,
// what other people have pushed is checked out before, and what a run before could not
// publish is published.
func (s *system) List(ctx context.Context, since time.Time) ([]incidents.Remote, error) {
	if err := ctx.Err(); err != nil {
		return nil, s.later(err)
	}
	pages, err := s.pages()
	if err != nil {
		return nil, err
	}
	if s.git.Commits() {
		var ours []string
		for name, page := range s.alone(pages) {
			if page.sealed {
				ours = append(ours, name)
			}
		}
		slices.Sort(ours)
		if err := s.git.Publish(ctx, "Stubs that were not committed before", ours...); err != nil {
			return nil, err
		}
		if pages, err = s.pages(); err != nil {
			return nil, err
		}
	}
	all := make([]incidents.Remote, 0, len(pages))
	for name, page := range s.alone(pages) {
		if remote := s.remote(name, page); remote.Open || remote.ResolvedAt.IsZero() || !remote.ResolvedAt.Before(since) {
			all = append(all, remote)
		}
	}
	slices.SortFunc(all, func(a, b incidents.Remote) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// Read gives what stands in the file with the key, whatever its name is.
func (s *system) Read(ctx context.Context, id string) (read incidents.Remote, found bool, err error) {
	if err := ctx.Err(); err != nil {
		return incidents.Remote{}, false, s.later(err)
	}
	name, page, err := s.find(id)
	if errors.Is(err, fs.ErrNotExist) {
		return incidents.Remote{}, false, nil
	}
	if err != nil {
		return incidents.Remote{}, false, s.failed(err)
	}
	return s.remote(name, page), true, nil
}

// Create writes the file.
func (s *system) Create(ctx context.Context, stub incidents.Stub) (incidents.Remote, error) {
	if err := ctx.Err(); err != nil {
		return incidents.Remote{}, s.later(err)
	}
	name := begin(stub).Format(time.DateOnly) + "-" + stub.Key + extension
	if !named(name) {
		return incidents.Remote{}, s.never(fmt.Errorf("make the file of %s: the key is none", stub.Key))
	}
	if _, err := s.page(name); !errors.Is(err, fs.ErrNotExist) {
		return incidents.Remote{}, s.never(fmt.Errorf("make %s: something stands there already, and is left alone", name))
	}
	pages, err := s.pages()
	if err != nil {
		return incidents.Remote{}, err
	}
	if names := s.namesOf(pages, stub.Key); len(names) > 0 {
		return incidents.Remote{}, s.never(fmt.Errorf("make %s: its key stands in %s already", name, shortened(names)))
	}
	return s.bring(ctx, name, page{}, stub)
}

// Update writes the file anew.
func (s *system) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	if err := ctx.Err(); err != nil {
		return incidents.Remote{}, s.later(err)
	}
	name, standing, err := s.ours(current.ID, stub.Key)
	if err != nil {
		return incidents.Remote{}, err
	}
	if standing.edited() {
		return incidents.Remote{}, s.theirs(name, current, standing)
	}
	return s.bring(ctx, name, standing, stub)
}

// theirs is the failure to write over what a person wrote. Where the runner does not know
// it yet, it looks again.
func (s *system) theirs(name string, current incidents.Remote, standing page) error {
	err := fmt.Errorf("%s was changed by a person, and is left to them: close it by hand when it is over", name)
	if !stubseen.Same(current, s.remote(name, standing)) {
		return s.later(err)
	}
	return s.never(err)
}

// bring writes what is for staff first: the page is what says that the stub has arrived.
func (s *system) bring(ctx context.Context, name string, standing page, stub incidents.Stub) (incidents.Remote, error) {
	if err := s.keepInternal(stub); err != nil {
		return incidents.Remote{}, err
	}
	shaped := standing.shape(stub)
	content, err := shaped.render()
	if err == nil {
		err = s.writePage(name, content)
	}
	if err != nil {
		return incidents.Remote{}, s.never(fmt.Errorf("write %s: %w", name, err))
	}
	if err := s.git.Publish(ctx, "Stub "+stub.Key+": "+string(stub.Phase), name); err != nil {
		return incidents.Remote{}, err
	}
	name, written, err := s.find(stub.Key)
	if err != nil {
		return incidents.Remote{}, s.failed(err)
	}
	if !written.sealed || written.Marks.Mark != shaped.Marks.Mark {
		return incidents.Remote{}, s.never(fmt.Errorf("%s was changed by a person meanwhile, and theirs stands", name))
	}
	return s.remote(name, written), nil
}

// ours reads a page before it is touched: only one that carries a key of the same cause is,
// which may be an earlier one where the ledger was lost.
func (s *system) ours(id, key string) (name string, standing page, err error) {
	if name, standing, err = s.find(id); err != nil {
		return "", page{}, s.failed(err)
	}
	if !stubkey.SameCause(s.keyOf(standing), key, s.env.Source) {
		return "", page{}, s.never(fmt.Errorf("%s does not carry the key %s any more, and is left alone", name, key))
	}
	return name, standing, nil
}

// failed makes a failure of an error that is none yet.
func (s *system) failed(err error) error {
	if failure, ok := errors.AsType[*alerts.DeliveryError](err); ok {
		return failure
	}
	return s.never(err)
}

func (s *system) never(err error) error { return &alerts.DeliveryError{Channel: s.env.Name, Err: err} }

func (s *system) later(err error) error {
	return &alerts.DeliveryError{Channel: s.env.Name, Retryable: true, Err: err}
}

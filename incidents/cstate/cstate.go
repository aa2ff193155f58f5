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

// List gives the pages that carry a key of this installation. Where commits are pushed,
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
		for name, page := range pages {
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
	for name, page := range pages {
		if remote := s.remote(name, page); remote.Open || remote.ResolvedAt.IsZero() || !remote.ResolvedAt.Before(since) {
			all = append(all, remote)
		}
	}
	slices.SortFunc(all, func(a, b incidents.Remote) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// Read gives what stands in the file.
func (s *system) Read(ctx context.Context, id string) (read incidents.Remote, found bool, err error) {
	if err := ctx.Err(); err != nil {
		return incidents.Remote{}, false, s.later(err)
	}
	page, err := s.page(id)
	if errors.Is(err, fs.ErrNotExist) {
		return incidents.Remote{}, false, nil
	}
	if err != nil {
		return incidents.Remote{}, false, s.never(err)
	}
	return s.remote(id, page), true, nil
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
	return s.bring(ctx, name, page{}, stub)
}

// Update writes the file anew.
func (s *system) Update(ctx context.Context, current incidents.Remote, stub incidents.Stub) (incidents.Remote, error) {
	if err := ctx.Err(); err != nil {
		return incidents.Remote{}, s.later(err)
	}
	standing, err := s.ours(current.ID, stub.Key)
	if err != nil {
		return incidents.Remote{}, err
	}
	return s.bring(ctx, current.ID, standing, stub)
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
	written, err := s.page(name)
	if err != nil {
		return incidents.Remote{}, s.never(err)
	}
	if !written.sealed {
		return incidents.Remote{}, s.never(fmt.Errorf("%s was changed by a person meanwhile, and theirs stands", name))
	}
	return s.remote(name, written), nil
}

// ours reads a page before it is touched: only one that carries a key of the same cause is,
// which may be an earlier one where the ledger was lost.
func (s *system) ours(name, key string) (page, error) {
	standing, err := s.page(name)
	if err != nil {
		return page{}, s.never(err)
	}
	if !stubkey.SameCause(s.remote(name, standing).Key, key, s.env.Source) {
		return page{}, s.never(fmt.Errorf("%s does not carry the key %s any more, and is left alone", name, key))
	}
	return standing, nil
}

func (s *system) never(err error) error { return &alerts.DeliveryError{Channel: s.env.Name, Err: err} }

func (s *system) later(err error) error {
	return &alerts.DeliveryError{Channel: s.env.Name, Retryable: true, Err: err}
}

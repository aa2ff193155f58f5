package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lapsewatch/config"
	"lapsewatch/ledger"
)

// dsn is the ledger's address, with its password if it has one.
func dsn(settings config.Ledger) (string, error) {
	if settings.DSNFrom.IsZero() {
		return string(settings.DSN), nil
	}
	secret, err := config.ReadSecret(settings.DSNFrom)
	if err != nil {
		return "", fmt.Errorf("read ledger.dsn_from: %w", err)
	}
	return secret.Reveal(), nil
}

// inFile reports whether the ledger is a file on this machine.
func inFile(settings config.Ledger) bool { return settings.DSNFrom.IsZero() && settings.DSN.InFile() }

// ledgerName is the ledger as it may be shown.
func ledgerName(settings config.Ledger) string {
	if !settings.DSNFrom.IsZero() {
		return "in " + settings.DSNFrom.String()
	}
	return settings.DSN.String()
}

// peekLedger opens a copy of the ledger, in which nothing is kept.
func peekLedger(ctx context.Context, settings config.Ledger) (*ledger.Ledger, error) {
	address, err := ledgerPlace(settings, false)
	if err != nil {
		return nil, err
	}
	return ledger.Peek(ctx, address)
}

// openLedger opens the ledger to be written to, as it must be for whoever acknowledges.
func openLedger(ctx context.Context, settings config.Ledger) (*ledger.Ledger, error) {
	address, err := ledgerPlace(settings, true)
	if err != nil {
		return nil, err
	}
	return ledger.Open(ctx, address)
}

// openForRun opens the ledger for a run, which must not be silent because its ledger is
// damaged or out of reach.
func openForRun(ctx context.Context, settings config.Ledger) (*ledger.Ledger, *ledger.Loss, error) {
	address, err := dsn(settings)
	if err != nil {
		return nil, nil, err
	}
	if inFile(settings) && settings.IsDefault() {
		if err := makeLedgerFolder(settings); err != nil {
			return nil, nil, err
		}
	}
	for attempt := 1; ; attempt++ {
		kept, loss, err := ledger.OpenOrReplace(ctx, address, time.Now())
		if err != nil || loss == nil || attempt == openAttempts || inFile(settings) || lasting(loss.Cause) {
			return kept, loss, err
		}
		// A server that is failing over comes back in seconds, and without its record
		// everybody would be told of everything.
		if err := kept.Close(); err != nil {
			return nil, nil, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		case <-time.After(openPause):
		}
	}
}

const (
	openAttempts = 3
	openPause    = 3 * time.Second
)

// lasting reports whether what is wrong with a store stays so until somebody mends it.
func lasting(cause error) bool {
	for _, known := range []error{ledger.ErrDamaged, ledger.ErrForeign, ledger.ErrNewer, ledger.ErrReadOnly, ledger.ErrFull} {
		if errors.Is(cause, known) {
			return true
		}
	}
	return false
}

// ledgerPlace makes the folder of the default ledger. Any other folder may be a volume
// that is not mounted, and making it would look like a first run.
func ledgerPlace(settings config.Ledger, write bool) (address string, err error) {
	address, err = dsn(settings)
	if err != nil || !inFile(settings) {
		return address, err
	}
	folder := filepath.Dir(settings.DSN.File())
	switch {
	case settings.IsDefault() && write:
		return address, makeLedgerFolder(settings)
	case !settings.IsDefault():
		if _, err := os.Stat(folder); err != nil {
			return "", fmt.Errorf("look at the ledger's folder: %w; make it, or mount the volume that it lies on", err)
		}
	}
	return address, nil
}

func makeLedgerFolder(settings config.Ledger) error {
	if err := os.MkdirAll(filepath.Dir(settings.DSN.File()), 0o700); err != nil {
		return fmt.Errorf("make the ledger's folder: %w", err)
	}
	return nil
}

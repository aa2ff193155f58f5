package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"lapsewatch/checks"
	"lapsewatch/checks/entra"
	"lapsewatch/internal/faketenant"
	"lapsewatch/internal/msgraph"
	"lapsewatch/watch"
)

const (
	tenantClient = "be9c0000-0000-4000-8000-000000000001"
	tenantSecret = "bench~a-secret-of-a-tenant-that-lasts-a-minute"
	// tenantRead is what the largest tenant may cost the whole command.
	tenantCPU, tenantRSS = 3.5, 100
	tallRSS, tallWall    = 200, time.Minute
)

// rentedTenant is a fake tenant in a process of its own.
type rentedTenant struct {
	url, id, caFile, secretFile string
	stop                        func() error
}

// tenants measures the Entra check against a bare JSON client of the same tenant.
func (b *bench) tenants(ctx context.Context) error {
	for _, size := range []struct {
		applications, secrets int
		judge                 func(*row, usage)
	}{
		{b.scale.manyApplications, 2, func(r *row, spent usage) {
			r.target("≤ 3.5 s CPU, ≤ 100 MiB", spent.CPU.Seconds() <= tenantCPU && mib(spent.RSSKiB) <= tenantRSS)
		}},
		{b.scale.applications, 12, func(r *row, spent usage) {
			r.target("≤ 60 s, ≤ 200 MiB", spent.Wall <= tallWall && mib(spent.RSSKiB) <= tallRSS)
		}},
	} {
		rented, err := b.rent(ctx, size.applications, size.secrets)
		if err != nil {
			return err
		}
		// The secret that the benchmark signs in with counts too.
		err = b.tenant(ctx, rented, size.applications*size.secrets+1, fmt.Sprintf("entra, %d applications × %d secrets", size.applications, size.secrets), size.judge)
		if err := errors.Join(err, rented.stop()); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) tenant(ctx context.Context, rented *rentedTenant, secrets int, area string, judge func(*row, usage)) error {
	config := b.path("tenant.yaml")
	text := fmt.Sprintf("checks:\n  - name: tenant\n    kind: entra\n    options: {tenant: %s, client_id: %s, sign_in: secret, secret: {file: %q}, authority_url: %q, graph_url: %q, ca_file: %q}\n",
		rented.id, tenantClient, rented.secretFile, rented.url, rented.url, rented.caFile)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	said, peerSaid := b.path("said.jsonl"), b.path("peer.jsonl")
	alone, err := b.measure(ctx, command{args: []string{b.self, "-role", "entra-alone", rented.url, rented.id, rented.caFile, rented.secretFile, strconv.Itoa(secrets)}, core: clientCore})
	if err != nil {
		return err
	}
	ours, err := b.measure(ctx, command{args: []string{b.scanner, "scan", "--config", config, "--output", "jsonl"}, stdout: said, core: clientCore})
	if err != nil {
		return err
	}
	peer, err := b.measure(ctx, command{args: []string{b.self, "-role", "bare-graph", rented.url, rented.id, rented.caFile}, stdout: peerSaid, core: clientCore})
	if err != nil {
		return err
	}
	if alone.Exit+ours.Exit+peer.Exit != 0 {
		return fmt.Errorf("%s: the check ended with exit code %d, the scan with %d, the bare client with %d", area, alone.Exit, ours.Exit, peer.Exit)
	}
	same, err := sameDates(said, peerSaid)
	if err != nil {
		return err
	}
	b.table.add(area, "lapsewatch scan", "dates as the bare client read them", "%d of %d", same, secrets).target("all", same == secrets)
	b.cost(area, "the check alone", alone, judge)
	b.cost(area, "lapsewatch scan, JSON lines of all", ours, judge)
	b.cost(area, "bare encoding/json, reads and prints dates", peer, nil)
	return nil
}

func (b *bench) cost(area, program string, spent usage, judge func(*row, usage)) {
	added := b.table.add(area, program, "CPU, wall, peak memory", "%.2f s, %.1f s, %.0f MiB", spent.CPU.Seconds(), spent.Wall.Seconds(), mib(spent.RSSKiB))
	if judge != nil {
		judge(added, spent)
	}
}

// entraAloneRole makes one pass of the check, without judging or reporting what it finds.
func entraAloneRole(ctx context.Context, args []string) error {
	if len(args) != 5 {
		return errors.New("entra-alone: want URL TENANT CAFILE SECRETFILE SECRETS")
	}
	check, err := entra.Kind.Build(func(into any) error {
		options, ok := into.(*entra.Options)
		if !ok {
			return fmt.Errorf("entra has options of type %T", into)
		}
		options.Tenant, options.ClientID, options.Method = args[1], tenantClient, msgraph.ClientSecret
		options.Secret, options.AuthorityURL, options.GraphURL, options.CAFile = watch.SecretRef{File: args[3]}, args[0], args[0], args[2]
		return nil
	}, checks.DefaultEnv(func(watch.SecretRef) (watch.Secret, error) { return watch.NewSecret(tenantSecret), nil }))
	if err != nil {
		return err
	}
	var found atomic.Int64
	err = check.Collect(ctx, func(fact watch.Fact) {
		if _, dated := fact.(watch.Credential); dated {
			found.Add(1)
		}
	})
	if want := args[4]; err == nil && strconv.FormatInt(found.Load(), 10) != want {
		err = fmt.Errorf("the check alone found %d secrets, want %s", found.Load(), want)
	}
	return err
}

// sameDates counts the secrets to which both programs give the same end.
func sameDates(ours, theirs string) (int, error) {
	ends := map[string]time.Time{}
	err := eachLine(theirs, func(line []byte) error {
		var read bareDate
		err := json.Unmarshal(line, &read)
		ends[read.KeyID] = read.End
		return err
	})
	if err != nil {
		return 0, err
	}
	same := 0
	err = eachLine(ours, func(line []byte) error {
		var found struct {
			Identity string    `json:"identity"`
			NotAfter time.Time `json:"not_after"`
		}
		err := json.Unmarshal(line, &found)
		if end, known := ends[found.Identity]; known && end.Equal(found.NotAfter) {
			same++
			delete(ends, found.Identity)
		}
		return err
	})
	return same, err
}

func eachLine(path string, read func([]byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := read(lines.Bytes()); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
	}
	return lines.Err()
}

func (b *bench) rent(ctx context.Context, applications, secrets int) (*rentedTenant, error) {
	rented := &rentedTenant{caFile: b.path("tenant-ca.pem"), secretFile: b.path("tenant-secret"), id: faketenant.DefaultTenantID}
	if err := os.WriteFile(rented.secretFile, []byte(tenantSecret), 0o600); err != nil {
		return nil, err
	}
	var err error
	rented.url, rented.stop, err = b.serve(ctx, "tenant", strconv.Itoa(applications), strconv.Itoa(secrets), rented.caFile)
	return rented, err
}

// tenantRole serves a generated tenant until its input ends.
func tenantRole(_ context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("tenant: want APPLICATIONS SECRETS CAFILE")
	}
	applications, err := strconv.Atoi(args[0])
	if err != nil {
		return fmt.Errorf("tenant: applications: %w", err)
	}
	secrets, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("tenant: secrets: %w", err)
	}
	now := time.Now()
	served, err := faketenant.Start(faketenant.Options{Manners: faketenant.WellBehaved(), Directory: faketenant.Directory{
		Applications: []faketenant.Application{{
			ID: "be9c0000-0000-4000-8000-000000000002", AppID: tenantClient, DisplayName: "bench",
			PasswordCredentials: []faketenant.PasswordCredential{{
				KeyID: "be9c0000-0000-4000-8000-000000000003", Hint: tenantSecret[:3], SecretText: tenantSecret,
				StartDateTime: faketenant.At(now.AddDate(-1, 0, 0)), EndDateTime: faketenant.At(now.AddDate(1, 0, 0)),
			}},
		}},
		Grants: map[string][]string{tenantClient: {"Application.Read.All", "User.ReadBasic.All", "AuditLog.Read.All", "Policy.Read.All"}},
		// They end between three weeks and two years from now, so that one in sixty is near its
		// end and has its owners asked for.
		Generated: faketenant.Generated{Applications: applications, SecretsEach: secrets, OwnersEach: 1, From: now.AddDate(-2, 0, 20)},
	}})
	if err != nil {
		return err
	}
	if err = os.WriteFile(args[2], served.RootPEM, 0o600); err == nil {
		fmt.Println(served.GraphURL)
		_, err = io.Copy(io.Discard, os.Stdin)
	}
	return errors.Join(err, served.Close())
}

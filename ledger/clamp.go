package ledger

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// clampRows undoes what a clock that ran ahead has left in the ledger's own rows, so that
// nothing waits for that day: they are dated now. What is known of subjects is clamped
// when it is compared, a lease when another run asks for it, and the history (events)
// keeps what was told.
func (r *recording) clampRows(ctx context.Context) error {
	if !r.dated {
		return nil
	}
	for _, table := range []struct {
		name    string
		columns []string
		latest  time.Duration
	}{
		{"runs", []string{"judged_at", "finished_at"}, runAhead},
		{"subjects", []string{"first_seen"}, runAhead},
		{"deliveries", []string{"sent_at", "redirected_at"}, runAhead},
		{"outbox", []string{"next_attempt", "dead_at"}, LongestWait},
		{"memories", []string{"kept_at"}, runAhead},
		{"incidents", []string{"changed_at"}, runAhead},
	} {
		var set, where []string
		for _, column := range table.columns {
			set = append(set, fmt.Sprintf("%[1]s = CASE WHEN %[1]s > $2 THEN $1 ELSE %[1]s END", column))
			where = append(where, column+" > $2")
		}
		update := "UPDATE " + table.name + " SET " + strings.Join(set, ", ") + " WHERE " + strings.Join(where, " OR ")
		result, err := r.tx.ExecContext(ctx, update, instantText(r.now), instantText(r.now.Add(table.latest)))
		if err != nil {
			return fmt.Errorf("clamp %s: %w", table.name, err)
		}
		clamped, err := result.RowsAffected()
		if err != nil {
			return fmt.Errorf("clamp %s: %w", table.name, err)
		}
		r.clamped += int(clamped)
	}
	if err := r.clampDeliveries(ctx); err != nil {
		return fmt.Errorf("clamp deliveries: %w", err)
	}
	return nil
}

type sealedRow struct {
	deliveryRow
	checksum string
}

// clampDeliveries dates deliveries anew that were planned in the future, because they
// would not be given up until then. Their seal covers that date; a row that it does not
// fit is left for whoever reads it to find.
func (r *recording) clampDeliveries(ctx context.Context) error {
	const ahead = `SELECT id, channel, recipient, created_at, note, checksum FROM deliveries WHERE created_at > $1 ORDER BY id`
	rows, err := r.tx.QueryContext(ctx, ahead, instantText(r.now.Add(runAhead)))
	if err != nil {
		return err
	}
	deliveries, err := collect(rows, func(row *sealedRow) []any {
		return []any{&row.id, &row.channel, &row.recipient, &row.createdAt, &row.note, &row.checksum}
	})
	if err != nil {
		return err
	}
	for _, row := range deliveries {
		listed, err := r.tx.QueryContext(ctx, `SELECT event_id FROM delivery_events WHERE delivery_id = $1 ORDER BY position`, row.id)
		if err != nil {
			return err
		}
		if row.events, err = collect(listed, func(event *string) []any { return []any{event} }); err != nil {
			return err
		}
		if row.seal() != row.checksum {
			continue
		}
		row.createdAt = instantText(r.now)
		const update = `UPDATE deliveries SET created_at = $2, checksum = $3 WHERE id = $1`
		if _, err := r.tx.ExecContext(ctx, update, row.id, row.createdAt, row.seal()); err != nil {
			return err
		}
		r.clamped++
	}
	return nil
}

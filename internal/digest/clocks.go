package digest

import (
	"lapsewatch/internal/dotplot"
	"lapsewatch/watch"
)

// plotWidth fits a plot into a mail of 76 columns, and into a column of 600 pixels.
const plotWidth = 72

// clocks draws the clocks of what is still open: what has ended has nothing to look at.
func clocks(events []watch.Event) []string {
	var plot dotplot.Plot
	for _, event := range events {
		if !Over(SeverityOf(event)) {
			plot.Add(event.Finding)
		}
	}
	return plot.Layout().Text(plotWidth)
}

"use strict";
(() => {
	const table = document.getElementById("subjects");
	if (!table) {
		return;
	}
	const body = table.tBodies[0];
	const rows = Array.from(body.rows);
	const controls = document.getElementById("controls");
	const find = document.getElementById("find");
	const order = document.getElementById("order");
	const chips = Array.from(controls.querySelectorAll("input[type=checkbox]"));
	const headings = Array.from(table.tHead.querySelectorAll("[data-sort]"));
	const words = new Map();

	const wordsOf = (row) => {
		if (!words.has(row)) {
			words.set(row, row.textContent.toLowerCase());
		}
		return words.get(row);
	};

	const filter = () => {
		const wanted = find.value.toLowerCase().split(/\s+/).filter(Boolean);
		const severities = new Set(chips.filter((chip) => chip.checked).map((chip) => chip.value));
		let shown = 0;
		for (const row of rows) {
			row.hidden = !severities.has(row.className) || !wanted.every((word) => wordsOf(row).includes(word));
			shown += row.hidden ? 0 : 1;
		}
		document.getElementById("shown").textContent = shown + " of " + rows.length + " rows shown";
		document.getElementById("nothing").hidden = shown > 0;
	};

	const compareText = new Intl.Collator("en", { numeric: true }).compare;
	const keys = {
		urgency: (row) => Number(row.dataset.urgency),
		name: (row) => row.querySelector(".name").textContent,
		date: (row) => row.dataset.date && Number(row.dataset.date),
		owner: (row) => row.querySelector(".owner:not(:has(.quiet))")?.textContent.trim() ?? "",
	};

	// Rows without the value stay last in both directions; rows that are equal keep the
	// order by urgency and date in which they were written.
	const sort = (by, descending) => {
		const keyed = rows.map((row, position) => ({ row, position, key: keys[by](row) }));
		keyed.sort((a, b) => {
			if ((a.key === "") !== (b.key === "")) {
				return a.key === "" ? 1 : -1;
			}
			const ordered = typeof a.key === "number" ? a.key - b.key : compareText(a.key, b.key);
			return (descending ? -ordered : ordered) || a.position - b.position;
		});
		body.append(...keyed.map((each) => each.row));
		for (const heading of headings) {
			if (heading.dataset.sort === by) {
				heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
			} else {
				heading.removeAttribute("aria-sort");
			}
		}
		order.value = by;
	};

	for (const heading of headings) {
		const button = document.createElement("button");
		button.type = "button";
		button.textContent = heading.textContent;
		button.addEventListener("click", () => {
			sort(heading.dataset.sort, heading.getAttribute("aria-sort") === "ascending");
		});
		heading.append(button);
	}
	order.addEventListener("change", () => sort(order.value, false));
	find.addEventListener("input", filter);
	for (const chip of chips) {
		chip.addEventListener("change", filter);
	}
	controls.hidden = false;
	filter();
})();

#include "day.h"
#include "report_words.h"

/* The columns of the appendix first, under the names that lists made by hand are read by; whole numbers without marks.
 */
static const char head[] =
    "kind,group,stt,code,unit,allocated,installed,rate,within,within_rate,active,silent,protected,"
    "existing,protected_rate\r\n";

static void number(struct buf *b, bool known, int64_t n)
{
	buf_addc(b, ',');
	if (known)
		buf_addf(b, "%lld", (long long)n);
}

static void rate(struct buf *b, bool wanted, struct rate r)
{
	char text[RATE_TEXT];
	rate_text(r, text);
	buf_addc(b, ',');
	if (wanted && text[0])
		buf_addf(b, "\"%s\"", text);
}

static void counts(struct buf *b, const struct figure_counts *k, bool of_units)
{
	number(b, of_units && k->has_allocation, k->allocated);
	number(b, true, k->installed);
	rate(b, of_units, figure_rate_installed(k));
	number(b, of_units && k->has_allocation, k->within);
	rate(b, of_units, figure_rate_within(k));
	number(b, true, k->active);
	number(b, true, k->silent);
	number(b, true, k->protected_now);
	number(b, of_units && k->existing_known, k->existing);
	rate(b, of_units, figure_rate_protected(k));
	buf_adds(b, "\r\n");
}

static void line(struct buf *b, const char *kind, const char *group, size_t stt, const char *code, const char *name)
{
	buf_addf(b, "%s,", kind);
	csv_cell(b, group);
	number(b, stt > 0, (int64_t)stt);
	buf_addc(b, ',');
	csv_cell(b, code);
	buf_addc(b, ',');
	csv_cell(b, name);
}

int figures_csv(const struct figures *f, struct buf *b)
{
	buf_adds(b, head);
	for (size_t i = 0; i < f->n_groups; i++) {
		const struct figure_group *g = &f->groups[i];
		for (size_t k = 0; k < g->n_rows; k++) {
			const struct figure_row *row = &g->rows[k];
			bool unit = row->kind == ROW_UNIT;
			line(b, unit ? "unit" : "misnamed", g->code, k + 1, unit ? row->code : "", words_row_name(row));
			counts(b, &row->counts, unit);
		}
		line(b, "group", g->code, 0, "", g->name);
		counts(b, &g->total, true);
	}
	if (f->has_unplaced) {
		line(b, "unplaced", "", 0, "", WORDS_UNPLACED);
		counts(b, &f->unplaced, false);
	}
	line(b, "total", "", 0, "", f->province);
	counts(b, &f->total, true);
	if (f->pool.told && f->pool.exists) {
		line(b, "pool", "", 0, "", "Tổng số bản quyền");
		number(b, true, f->pool.quantity);
		number(b, true, f->total.installed);
		rate(b, true, f->against_pool);
		buf_adds(b, ",,,,,,,\r\n");
	}
	return b->error;
}

int figure_machines_csv(const struct figure_machines *m, struct buf *b)
{
	buf_adds(b, "machine,name,code,unit,last_heard,active,protected,reason\r\n");
	for (size_t i = 0; i < m->n; i++) {
		const struct figure_machine *k = &m->machines[i];
		char day[DAY_TEXT] = "";
		if (k->last_day >= 0)
			day_iso(k->last_day, day);
		buf_addf(b, "%s,", k->uid);
		csv_cell(b, k->name);
		buf_addc(b, ',');
		csv_cell(b, k->node_code);
		buf_addc(b, ',');
		csv_cell(b, k->node_name);
		buf_addf(b, ",%s,%s,%s,", day, k->active ? "yes" : "no", k->protected_now ? "yes" : "no");
		csv_cell(b, k->reason);
		buf_adds(b, "\r\n");
	}
	return b->error;
}

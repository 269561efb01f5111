#include "plan.h"
#include "csv.h"
#include "rng.h"
#include "str.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file as a list of rows whose columns are found by their heads. */
struct table {
	const char *path;
	const char *const *heads;
	size_t n_heads;
	size_t at[8]; /* column of each head */
	bool have_head;
	struct row {
		char *cell[8]; /* owned, NFC */
	} * row;
	size_t n;
};

static int find_heads(struct table *t, size_t n, const char *const *fields, struct err *e)
{
	for (size_t h = 0; h < t->n_heads; h++) {
		size_t i = 0;
		while (i < n && !str_eq(fields[i], t->heads[h]))
			i++;
		if (i == n)
			return err_set(e, -EINVAL, "%s: line 1: no column '%s'", t->path, t->heads[h]);
		t->at[h] = i;
	}
	t->have_head = true;
	return 0;
}

static int add_row(void *arg, int64_t line, size_t n, const char *const *fields, struct err *e)
{
	struct table *t = arg;
	char text[MAX_TEXT + 1];
	if (!t->have_head)
		return find_heads(t, n, fields, e);
	struct row *more = reallocarray(t->row, t->n + 1, sizeof *more);
	if (!more)
		return -ENOMEM;
	t->row = more;
	struct row *row = &t->row[t->n++];
	*row = (struct row){0};
	for (size_t h = 0; h < t->n_heads; h++) {
		if (t->at[h] >= n || text_nfc(text, sizeof text, fields[t->at[h]]))
			return err_set(e, -EINVAL, "%s: line %lld: column '%s' is missing or no text", t->path,
			    (long long)line, t->heads[h]);
		row->cell[h] = strdup(text);
		if (!row->cell[h])
			return -ENOMEM;
	}
	return 0;
}

static void table_release(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t h = 0; h < t->n_heads; h++)
			free(t->row[i].cell[h]);
	free(t->row);
	*t = (struct table){0};
}

static int table_read(struct table *t, const char *path, const char *const *heads, size_t n_heads, struct err *e)
{
	char piece[16384];
	struct csv *csv = NULL;
	*t = (struct table){.path = path, .heads = heads, .n_heads = n_heads};
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	int r = csv_new(&csv, ',', add_row, t);
	for (size_t n; !r && (n = fread(piece, 1, sizeof piece, f)) > 0;)
		r = csv_feed(csv, piece, n, e);
	if (!r)
		r = csv_finish(csv, e);
	if (r)
		err_wrap(e, "%s", path);
	csv_free(csv);
	fclose(f);
	return r;
}

enum { UNIT_CODE, UNIT_NAME, UNIT_GROUP, UNIT_HEADS };
enum { SIZE_GROUP, SIZE_UNIT, SIZE_INSTALLED, SIZE_HEADS };

static const char *code_of(const struct table *units, const char *name)
{
	for (size_t i = 0; i < units->n; i++)
		if (str_eq(units->row[i].cell[UNIT_NAME], name))
			return units->row[i].cell[UNIT_CODE];
	return "";
}

/* The guideline is CODE-ROOM-NNN, at most 15 characters; rooms of two letters leave room for every code of seven. */
static void name_machine(struct planned *m, size_t in_unit, struct rng *rng)
{
	static const char *const rooms[] = {"VP", "TC", "KT", "NV", "TH"};
	uint64_t pick = rng_next(rng);
	m->misnamed = m->misnamed || !*m->code;
	if (m->misnamed)
		snprintf(m->name, sizeof m->name, "DESKTOP-%07llX", (unsigned long long)(pick & 0xfffffff));
	else
		snprintf(m->name, sizeof m->name, "%s-%s-%03zu", m->code, rooms[pick % 5], in_unit + 1);
}

static int add_machines(
    struct plan *p, const struct plan_knobs *k, const char *code, const char *group, size_t count, struct err *e)
{
	struct planned *more = reallocarray(p->machine, p->n + count + 1, sizeof *more);
	if (!more)
		return -ENOMEM;
	p->machine = more;
	for (size_t i = 0; i < count; i++) {
		struct planned *m = &p->machine[p->n];
		*m = (struct planned){.number = p->n};
		if (str_copy(m->code, sizeof m->code, code) || str_copy(m->group, sizeof m->group, group))
			return err_set(e, -EINVAL, "code '%s' or group '%s' is too long", code, group);
		struct rng rng = rng_child(k->seed, m->number);
		m->misnamed = rng_chance(&rng, k->misnamed);
		m->reinstalled = rng_chance(&rng, k->reinstalled);
		m->cloned = rng_chance(&rng, k->cloned);
		m->silent = rng_chance(&rng, k->silent);
		m->guarded = rng_chance(&rng, k->guarded);
		if (rng_chance(&rng, k->skewed)) /* up to ten years off, either way: dead clock batteries */
			m->skew_us = ((int64_t)rng_below(&rng, 630720001) - 315360000) * 1000000;
		name_machine(m, i, &rng);
		p->n++;
	}
	return 0;
}

int plan_read(
    struct plan *ret, const char *units_path, const char *sizes_path, const struct plan_knobs *k, struct err *e)
{
	static const char *const unit_heads[] = {"code", "name", "group"}, *const size_heads[] = {
	                                                                       "group", "unit", "installed"};
	struct table units = {0}, sizes = {0};
	struct plan p = {0};
	int r = table_read(&units, units_path, unit_heads, UNIT_HEADS, e);
	if (!r)
		r = table_read(&sizes, sizes_path, size_heads, SIZE_HEADS, e);
	for (size_t i = 0; !r && i < sizes.n; i++) {
		char **cell = sizes.row[i].cell;
		int64_t count;
		if (str_i64(cell[SIZE_INSTALLED], 0, 999, &count)) /* NNN has three digits */
			r = err_set(
			    e, -EINVAL, "%s: '%s': installed is no number from 0 to 999", sizes_path, cell[SIZE_UNIT]);
		else
			r = add_machines(&p, k, code_of(&units, cell[SIZE_UNIT]), cell[SIZE_GROUP], (size_t)count, e);
	}
	table_release(&units);
	table_release(&sizes);
	if (r)
		plan_release(&p);
	else
		*ret = p;
	return r;
}

int plan_uniform(struct plan *ret, size_t n, const struct plan_knobs *k, struct err *e)
{
	struct plan p = {0};
	int r = add_machines(&p, k, "TEST", "test", n, e);
	if (r)
		plan_release(&p);
	else
		*ret = p;
	return r;
}

void plan_release(struct plan *p)
{
	free(p->machine);
	*p = (struct plan){0};
}

void plan_hardware(const struct plan_knobs *k, const struct planned *m, int generation, struct hardware *ret)
{
	static const enum hw_kind kinds[] = {HW_SMBIOS_UUID, HW_BOARD_SERIAL, HW_DISK_SERIAL, HW_MAC};
	struct rng rng = rng_child(~k->seed, m->number * 16 + (uint64_t)generation);
	*ret = (struct hardware){.n = sizeof kinds / sizeof kinds[0]};
	for (size_t i = 0; i < ret->n; i++) {
		ret->v[i].kind = kinds[i];
		rng_bytes(&rng, ret->v[i].digest.b, ID_BYTES);
	}
	hw_normalize(ret);
}

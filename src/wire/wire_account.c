/* What an agent did: its quarantine's changes, the accounts of its scans. */
#include "wire_int.h"

#include "clock.h"

#include <errno.h>

static const char *const changes[QUARANTINE_CHANGE_END] = {
    [QUARANTINE_RESTORED] = "restored",
    [QUARANTINE_DELETED] = "deleted",
    [QUARANTINE_FAILED] = "failed",
};
static const char *const ends[SCAN_END_END] = {
    [SCAN_ENDED_WELL] = "ended", [SCAN_INTERRUPTED] = "interrupted", [SCAN_ENDED_BADLY] = "failed"};

void put_quarantine(struct buf *b, const struct quarantine_event *q)
{
	out_word(b, "{\"change\":", WORDS(changes), q->change);
	out_hex(b, ",\"item\":", q->item.b, ID_BYTES);
	out_text(b, ",\"name\":", q->name);
	put_path(b, ",\"path\":", &q->path);
	out_hex(b, ",\"sha256\":", q->sha256, sizeof q->sha256);
	if (q->task_id)
		out_int(b, ",\"task\":", q->task_id);
	out_text(b, ",\"why\":", q->why);
	out(b, "}");
}

static int64_t get_task_id(const struct spot *s)
{
	struct spot task = in_member(s, "task");
	return in_present(&task) ? in_int(s, "task", 1, INT64_MAX) : 0;
}

void get_quarantine(const struct spot *s, struct quarantine_event *ret)
{
	if (!in_object(s))
		return;
	ret->change = in_word(s, "change", WORDS(changes));
	ret->item = in_id(s, "item");
	in_hex(s, "sha256", ret->sha256, sizeof ret->sha256);
	ret->name = in_text(s, "name", MAX_TEXT);
	struct spot path = in_member(s, "path");
	get_path(&path, &ret->path);
	ret->why = in_text(s, "why", MAX_TEXT);
	ret->task_id = get_task_id(s);
}

static void put_not_scanned(struct buf *b, const struct scan_event *v)
{
	out(b, ",\"not_scanned\":[");
	for (size_t i = 0; i < v->n_reasons; i++) {
		out_int(b, i ? ",{\"files\":" : "{\"files\":", v->not_scanned[i].files);
		out_text(b, ",\"reason\":", v->not_scanned[i].reason);
		out(b, "}");
	}
	out(b, "]");
}

void put_scan(struct buf *b, const struct scan_event *v)
{
	out_int(b, "{\"bytes\":", v->bytes);
	out_word(b, ",\"end\":", WORDS(ends), v->end);
	out_extent(b, ",\"extent\":", v->extent);
	out_int(b, ",\"files\":", v->files);
	out_int(b, ",\"infected\":", v->infected);
	out_int(b, ",\"known\":", v->known);
	put_not_scanned(b, v);
	out_int(b, ",\"started_us\":", v->started_us);
	out_int(b, ",\"suspicious\":", v->suspicious);
	if (v->task_id)
		out_int(b, ",\"task\":", v->task_id);
	out_text(b, ",\"why\":", v->why);
	out(b, "}");
}

static void get_not_scanned(const struct spot *s, struct scan_event *ret)
{
	struct spot list = in_member(s, "not_scanned");
	ret->n_reasons = in_list(&list, 0, MAX_SCAN_REASONS);
	for (size_t i = 0; i < ret->n_reasons; i++) {
		struct spot item = in_item(&list, i);
		if (!in_object(&item))
			return;
		ret->not_scanned[i].reason = in_text(&item, "reason", MAX_SHORT_TEXT);
		ret->not_scanned[i].files = in_int(&item, "files", 0, INT64_MAX);
	}
}

void get_scan(const struct spot *s, struct scan_event *ret)
{
	if (!in_object(s))
		return;
	ret->extent = in_extent(s, "extent");
	ret->end = in_word(s, "end", WORDS(ends));
	ret->task_id = get_task_id(s);
	ret->started_us = in_int(s, "started_us", 0, TIME_END);
	ret->files = in_int(s, "files", 0, INT64_MAX);
	ret->bytes = in_int(s, "bytes", 0, INT64_MAX);
	ret->known = in_int(s, "known", 0, INT64_MAX);
	ret->infected = in_int(s, "infected", 0, INT64_MAX);
	ret->suspicious = in_int(s, "suspicious", 0, INT64_MAX);
	get_not_scanned(s, ret);
	ret->why = in_text(s, "why", MAX_TEXT);
}

#include "wire_int.h"

#include <errno.h>
#include <string.h>

static const char *const extents[SCAN_EXTENT_END] = {
    [SCAN_QUICK] = "quick", [SCAN_FULL] = "full", [SCAN_CUSTOM] = "custom"};

void out_extent(struct buf *b, const char *name, enum scan_extent x)
{
	out_word(b, name, WORDS(extents), x);
}

enum scan_extent in_extent(const struct spot *object, const char *name)
{
	return in_word(object, name, WORDS(extents));
}

static void put_scan_args(struct buf *b, const struct task_scan *s)
{
	out_extent(b, "{\"extent\":", s->extent);
	if (s->n_paths) {
		out(b, ",\"paths\":[");
		for (size_t i = 0; i < s->n_paths; i++)
			out_text(b, i ? "," : "", s->paths[i]);
		out(b, "]");
	}
	out(b, "}");
}

static void put_quarantine_args(struct buf *b, const struct task_quarantine *q)
{
	if (q->by_item)
		out_hex(b, "{\"item\":", q->item.b, ID_BYTES);
	else
		out_hex(b, "{\"sha256\":", q->sha256, sizeof q->sha256);
	out(b, "}");
}

void wire_put_task_args(struct buf *b, enum task_kind k, const struct task_args *a)
{
	switch (task_takes(k)) {
	case TASK_TAKES_SCAN:
		put_scan_args(b, &a->scan);
		break;
	case TASK_TAKES_QUARANTINE:
		put_quarantine_args(b, &a->quarantine);
		break;
	case TASK_TAKES_NOTHING:
		out(b, "{}");
	}
}

static void get_scan_args(const struct spot *top, struct task_scan *ret)
{
	ret->extent = in_extent(top, "extent");
	struct spot list = in_member(top, "paths");
	if (!in_present(&list))
		return;
	ret->n_paths = in_list(&list, 1, MAX_SCAN_PATHS);
	for (size_t i = 0; i < ret->n_paths; i++) {
		struct spot item = in_item(&list, i);
		size_t n;
		const char *text = spot_text(&item, MAX_SCAN_PATH, &n);
		ret->paths[i] = arena_copy(item.in->arena, text, n);
		if (!ret->paths[i])
			in_fail(&item, -ENOMEM, "no memory");
	}
}

static void get_quarantine_args(const struct spot *top, struct task_quarantine *ret)
{
	struct spot item = in_member(top, "item");
	ret->by_item = in_present(&item);
	if (ret->by_item)
		ret->item = in_id(top, "item");
	else
		in_hex(top, "sha256", ret->sha256, sizeof ret->sha256);
}

/* The object has no other members than those that were read. */
static void closed(const struct spot *top, size_t members)
{
	if (!top->in->r && json_object_size(top->v) != members)
		in_fail(top, -EINVAL, "a member that this kind of task does not take");
}

static void get_args(const struct spot *top, enum task_kind k, struct task_args *ret)
{
	*ret = (struct task_args){0};
	switch (task_takes(k)) {
	case TASK_TAKES_SCAN:
		get_scan_args(top, &ret->scan);
		closed(top, 1 + (ret->scan.n_paths > 0));
		break;
	case TASK_TAKES_QUARANTINE:
		get_quarantine_args(top, &ret->quarantine);
		closed(top, 1);
		break;
	case TASK_TAKES_NOTHING:
		closed(top, 0);
	}
	const char *fault = top->in->r ? NULL : task_args_fault(k, ret);
	if (fault)
		in_fail(top, -EINVAL, fault);
}

int wire_get_task_args(
    struct arena *a, enum task_kind k, const char *text, size_t n, struct task_args *ret, struct err *e)
{
	struct reading in;
	if (n > MAX_TASK_ARGS)
		return err_set(e, -EMSGSIZE, "args: longer than %d bytes", MAX_TASK_ARGS);
	struct spot top = in_open(&in, a, text, n, e);
	if (!in.r)
		get_args(&top, k, ret);
	return in_close(&top);
}

#include "day.h"
#include "report_words.h"
#include "text.h"

#include <string.h>

enum { CELL_TEXT = 64 };

static void allocated_cell(const struct figure_counts *k, char dst[CELL_TEXT])
{
	dst[0] = 0;
	if (k->has_allocation)
		number_text(k->allocated, dst);
}

static void installed_cell(const struct figure_counts *k, char dst[CELL_TEXT])
{
	number_text(k->installed, dst);
}

static void rate_cell(const struct figure_counts *k, char dst[CELL_TEXT])
{
	rate_text(figure_rate_installed(k), dst);
}

static void within_cell(const struct figure_counts *k, char dst[CELL_TEXT])
{
	dst[0] = 0;
	if (k->has_allocation)
		number_text(k->within, dst);
}

static void within_rate_cell(const struct figure_counts *k, char dst[CELL_TEXT])
{
	rate_text(figure_rate_within(k), dst);
}

static void active_cell(const struct figure_counts *k, char dst[CELL_TEXT])
{
	number_text(k->active, dst);
}

static void silent_cell(const struct figure_counts *k, char dst[CELL_TEXT])
{
	number_text(k->silent, dst);
}

static void protected_cell(const struct figure_counts *k, char dst[CELL_TEXT])
{
	number_text(k->protected_now, dst);
}

static void existing_cell(const struct figure_counts *k, char dst[CELL_TEXT])
{
	snprintf(dst, CELL_TEXT, "chưa rõ");
	if (k->existing_known)
		number_text(k->existing, dst);
}

static void protected_rate_cell(const struct figure_counts *k, char dst[CELL_TEXT])
{
	rate_text(figure_rate_protected(k), dst);
}

static const struct column {
	const char *head;
	void (*cell)(const struct figure_counts *k, char dst[CELL_TEXT]);
	bool of_units; /* says nothing of machines whose unit is unknown */
} columns[] = {
    {"Được phân bổ", allocated_cell, true},
    {"Đã cài đặt", installed_cell, false},
    {"Tỷ lệ cài đặt", rate_cell, true},
    {"Trong mức phân bổ", within_cell, true},
    {"Tỷ lệ trong mức", within_rate_cell, true},
    {"Đang hoạt động", active_cell, false},
    {"Mất liên lạc", silent_cell, false},
    {"Được bảo vệ", protected_cell, false},
    {"Hiện có (kê khai)", existing_cell, true},
    {"Tỷ lệ bảo vệ", protected_rate_cell, true},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static void pad(struct buf *b, size_t width, size_t to)
{
	for (; width < to; width++)
		buf_addc(b, ' ');
}

static void left(struct buf *b, const char *text, size_t width)
{
	buf_adds(b, text);
	pad(b, text_width(text), width);
}

static void right(struct buf *b, const char *text, size_t width)
{
	buf_adds(b, "  ");
	pad(b, text_width(text), width);
	buf_adds(b, text);
}

static size_t name_width(const struct figures *f)
{
	size_t width = text_width(WORDS_UNPLACED);
	for (size_t i = 0; i < f->n_groups; i++) {
		for (size_t k = 0; k < f->groups[i].n_rows; k++) {
			size_t w = text_width(words_row_name(&f->groups[i].rows[k]));
			width = w > width ? w : width;
		}
	}
	return width;
}

static void head_line(struct buf *b, size_t width)
{
	right(b, "STT", 2);
	buf_adds(b, "  ");
	left(b, "Tên đơn vị", width);
	for (size_t c = 0; c < COLUMNS; c++)
		right(b, columns[c].head, 0);
	buf_addc(b, '\n');
}

static void line(
    struct buf *b, const char *number, const char *name, size_t width, const struct figure_counts *k, bool of_units)
{
	right(b, number, 3);
	buf_adds(b, "  ");
	left(b, name, width);
	for (size_t c = 0; c < COLUMNS; c++) {
		char cell[CELL_TEXT] = "";
		if (of_units || !columns[c].of_units)
			columns[c].cell(k, cell);
		right(b, cell, text_width(columns[c].head));
	}
	buf_addc(b, '\n');
}

static void group_table(struct buf *b, const struct figure_group *g, size_t width)
{
	buf_addf(b, "\n%s\n", g->name);
	head_line(b, width);
	for (size_t i = 0; i < g->n_rows; i++) {
		char number[NUMBER_TEXT];
		number_text((int64_t)i + 1, number);
		line(b, number, words_row_name(&g->rows[i]), width, &g->rows[i].counts, g->rows[i].kind == ROW_UNIT);
	}
	line(b, "", WORDS_TOTAL, width, &g->total, true);
}

static void title(struct buf *b, const struct figures *f)
{
	char day[WORDS_DAY], at[INSTANT_TEXT];
	words_day(f->day, day);
	buf_addf(b, "%s: kết quả cài đặt phần mềm phòng, chống mã độc tập trung\n", f->province);
	if (f->at.at == day_last_us(f->day)) {
		buf_addf(b, "Số liệu tính đến 24:00 ngày %s", day);
	} else {
		instant_iso(f->at.at, at);
		buf_addf(b, "Số liệu ngày %s, tính đến %s", day, at);
	}
	if (f->at.rev != INT64_MAX) {
		instant_iso(f->at.known_at, at);
		buf_addf(b, ", theo thông tin có tại %s", at);
	}
	buf_addc(b, '\n');
	if (f->simulation)
		buf_adds(b, "DỮ LIỆU MÔ PHỎNG\n");
}

static void pool_line(struct buf *b, const struct figures *f)
{
	char quantity[NUMBER_TEXT], installed[NUMBER_TEXT], unallocated[NUMBER_TEXT], rate[RATE_TEXT];
	if (!f->pool.told || !f->pool.exists)
		return;
	number_text(f->pool.quantity, quantity);
	number_text(f->total.installed, installed);
	number_text(f->pool.unallocated, unallocated);
	rate_text(f->against_pool, rate);
	buf_addf(b, "So với tổng số bản quyền: %s / %s", installed, quantity);
	if (rate[0])
		buf_addf(b, " = %s", rate);
	buf_addf(b, "; %s bản quyền chưa phân bổ cho đơn vị nào\n", unallocated);
}

int figures_text(const struct figures *f, struct buf *b)
{
	size_t width = name_width(f);
	title(b, f);
	for (size_t i = 0; i < f->n_groups; i++)
		group_table(b, &f->groups[i], width);
	buf_addc(b, '\n');
	head_line(b, width);
	if (f->has_unplaced)
		line(b, "", WORDS_UNPLACED, width, &f->unplaced, false);
	line(b, "", WORDS_PROVINCE_TOTAL, width, &f->total, true);
	pool_line(b, f);
	return b->error;
}

int figure_machines_text(const struct figure_machines *m, struct buf *b)
{
	char count[NUMBER_TEXT];
	size_t name = text_width("Tên máy"), node = text_width("Đơn vị");
	for (size_t i = 0; i < m->n; i++) {
		size_t w = text_width(m->machines[i].name), v = text_width(m->machines[i].node_name);
		name = w > name ? w : name;
		node = v > node ? v : node;
	}
	left(b, "Tên máy", name + 2);
	left(b, "Đơn vị", node + 2);
	buf_adds(b, "Liên lạc    Trạng thái     Bảo vệ        Mã máy\n");
	for (size_t i = 0; i < m->n; i++) {
		const struct figure_machine *k = &m->machines[i];
		char day[WORDS_DAY] = "";
		if (k->last_day >= 0)
			words_day(k->last_day, day);
		left(b, k->name, name + 2);
		left(b, k->node_name, node + 2);
		left(b, day, 12);
		left(b, k->active ? "hoạt động" : "mất liên lạc", 15);
		left(b, k->protected_now ? "được bảo vệ" : "chưa", 14);
		buf_addf(b, "%s\n", k->uid);
	}
	number_text((int64_t)m->n, count);
	buf_addf(b, "%s máy\n", count);
	return b->error;
}

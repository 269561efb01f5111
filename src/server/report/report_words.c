#include "report_words.h"
#include "day.h"

#include <string.h>

void words_day(int32_t day, char dst[WORDS_DAY])
{
	char iso[DAY_TEXT];
	day_iso(day, iso);
	snprintf(dst, WORDS_DAY, "%.2s/%.2s/%.4s", iso + 8, iso + 5, iso);
}

const char *words_row_name(const struct figure_row *row)
{
	return row->kind == ROW_MISNAMED ? WORDS_MISNAMED : row->name;
}

void csv_cell(struct buf *b, const char *text)
{
	bool formula = text[0] != 0 && strchr("=+-@\t\r", text[0]) != NULL;
	bool quoted = strpbrk(text, ",\"\r\n") != NULL;
	if (quoted)
		buf_addc(b, '"');
	if (formula)
		buf_addc(b, '\'');
	for (; *text; text++) {
		if (*text == '"')
			buf_addc(b, '"');
		buf_addc(b, *text);
	}
	if (quoted)
		buf_addc(b, '"');
}

/* Private to the room: the words of the tables, and cells that both forms for people share. */
#ifndef REPORT_WORDS_H
#define REPORT_WORDS_H

#include "figures.h"

#define WORDS_MISNAMED       "Máy tính đã cài đặt, tên máy chưa theo hướng dẫn"
#define WORDS_UNPLACED       "Máy tính đã cài đặt, chưa rõ đơn vị và khối"
#define WORDS_TOTAL          "Cộng"
#define WORDS_PROVINCE_TOTAL "Toàn tỉnh"

enum { WORDS_DAY = 11 };
void words_day(int32_t day, char dst[WORDS_DAY]); /* "12/05/2022" */

const char *words_row_name(const struct figure_row *row);

/* A cell of CSV: quoted where it must be; a text that a spreadsheet would take for a formula begins with an apostrophe.
 */
void csv_cell(struct buf *b, const char *text);

#endif

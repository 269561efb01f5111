/* Sorted records become the parts of an image. */
#ifndef IMAGE_WRITE_H
#define IMAGE_WRITE_H

#include "image_format.h"
#include "image_names.h"
#include "image_sort.h"

struct image_writer;

/* `at_most`: of each table, how many records may come: its lines are counted after that. */
int image_writer_new(int fd, int temp_fd, const uint64_t at_most[IMAGE_TABLE_COUNT], struct image_writer **ret);
void image_writer_free(struct image_writer *w);

/* In ascending order. One that differs from the last only in its name is left out. */
int image_writer_put(struct image_writer *w, const uint8_t record[IMAGE_RECORD_BYTES]);

/* The rest, the header, and a sync. */
int image_writer_finish(
    struct image_writer *w, struct image_head *head, const struct image_names *names, uint64_t *ret_count);

#endif

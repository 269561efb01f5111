/* Temporary files without names, and bytes that are written one after the other. */
#ifndef IMAGE_TEMP_H
#define IMAGE_TEMP_H

#include <stddef.h>
#include <stdint.h>

/* A file of which only the descriptor is left; IMAGE_IN_MEMORY for a folder: one in memory. */
int image_temp_open(int folder_fd);

struct image_stream {
	int fd;      /* not owned */
	uint64_t at; /* where the next byte will stand */
	size_t n;
	uint8_t *p;
};

int image_stream_init(struct image_stream *s, int fd, uint64_t at);
void image_stream_release(struct image_stream *s);
int image_stream_write(struct image_stream *s, const void *p, size_t n);
int image_stream_fill(struct image_stream *s, uint64_t to);             /* zero bytes up to the offset `to` */
int image_stream_copy(struct image_stream *s, int from_fd, uint64_t n); /* the first n bytes of another file */
int image_stream_flush(struct image_stream *s);

#endif

/* Room at the end of a growing array, doubled as needed. */
#ifndef ARRAY_H
#define ARRAY_H

#include <stddef.h>

/* `array` is the address of the array's pointer. Makes room for element n (the array has n); -ENOMEM leaves it as it
 * was. */
int array_room(void *array, size_t *cap, size_t n, size_t element_size);

#endif

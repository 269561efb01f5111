/* The scripts of migrations/, in order, compiled in by embed.py. */
#ifndef MIGRATIONS_H
#define MIGRATIONS_H

extern const char *const migrations[];
extern const int migrations_n;

#endif

/* Shared declarations of the extension: growing buffers, UTF-8, nodes of lxml's trees, runs of inline text.
 *
 * Functions that can fail return FAILED with a Python exception set, or UNUSUAL for a page that this code leaves to
 * the Python code beside it, such as one with namespaces. Texts of a tree are UTF-8.
 */
#ifndef BROADSHEET_NATIVE_H
#define BROADSHEET_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <libxml/tree.h>
#include <stdint.h>
#include <string.h>

#include "lxml.etree.h"

enum { FAILED = -1, UNUSUAL = -2 };

/* ---------- buffers ---------- */

typedef struct {
    char *bytes;
    Py_ssize_t size, capacity;
} Buffer;

int reserve_bytes(Buffer *buffer, Py_ssize_t extra);
int append_bytes(Buffer *buffer, const char *bytes, Py_ssize_t size);
void free_buffer(Buffer *buffer);

/* Grow an array of `count` entries for one more. FAILED without memory. */
int grow_array(void **entries, Py_ssize_t count, Py_ssize_t *capacity, size_t entry_size);

/* ---------- text ---------- */

enum {
    TEXT_ASCII = 1,    /* ASCII alone */
    TEXT_SPACE = 2,    /* white space alone, as by str.isspace */
    TEXT_BLANK = 4,    /* empty after str.strip(" \t\r\n\x0b") */
    TEXT_COMPOSED = 8, /* certainly in NFC, as far as its characters are not invisible */
};

/* Return a text's properties, or UNUSUAL if it is not UTF-8. */
int scan_text(const char *text, Py_ssize_t size);
Py_UCS4 read_character(const char **cursor); /* of valid UTF-8 */
int is_composed(Py_UCS4 character);
Py_ssize_t leading_space(const char *text, Py_ssize_t size);
Py_ssize_t trailing_space(const char *text, Py_ssize_t size);
Py_ssize_t count_characters(const char *text, Py_ssize_t size);
Py_ssize_t count_words(const char *text, Py_ssize_t size);
PyObject *new_text(const char *text, Py_ssize_t size); /* a str of valid UTF-8 */

static inline int is_ascii_space(unsigned char byte) {
    return byte == ' ' || (byte >= 0x09 && byte <= 0x0d) || (byte >= 0x1c && byte <= 0x1f);
}

/* ---------- nodes ---------- */

/* Return a new reference to the proxy of a node, as lxml's own walks do. */
PyObject *element_of(struct LxmlDocument *document, xmlNode *node);

/* Return a new reference to an element, or NULL with an exception if the object is none. */
struct LxmlElement *element_argument(PyObject *object);

/* Return an attribute's value; NULL, and UNUSUAL in `status`, if it is no plain text. */
const char *attribute_text(const xmlAttr *attribute, int *status);

static inline int is_text_node(const xmlNode *node) {
    return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
}

/* Return the next node inside `root` in document order, NULL after the last one. */
xmlNode *next_inside(const xmlNode *root, xmlNode *node);
PyObject *text_or_none(const char *text); /* None for NULL */
int same_text(const char *first, const char *second); /* NULL equals NULL alone */

/* ---------- tags ---------- */

/* What is known of the tags of one tree, by the address of a node's name: equal names are mostly one string. */
enum { TAG_SLOTS = 256, MOST_TAGS = 192 };

typedef struct {
    const xmlChar *name;
    PyObject *tag;        /* interned */
    PyObject *plain_step; /* of a path, without attributes; NULL until it is asked for */
    PyObject *mark;       /* of Markdown; borrowed */
    int flags;
} Tag;

typedef struct Tags {
    Tag slots[TAG_SLOTS];
    Tag spare; /* of a page with very many tags */
    int count;
    int (*read)(struct Tags *tags, Tag *tag); /* sets flags, and mark, of a tag with a name */
    void *context;                            /* of `read` */
} Tags;

/* Return what is known of a node's tag, or NULL with an exception. It lasts until the next call for the same tree. */
Tag *find_tag(Tags *tags, const xmlChar *name);
void clear_tags(Tags *tags);

/* ---------- runs of inline text ---------- */

typedef struct {
    const char *text;
    Py_ssize_t size;
    int properties;      /* TEXT_… */
    int is_marked;       /* whether its Markdown is another than its text escaped */
    Py_ssize_t mark;     /* where its Markdown begins in `marks`; -1 if that is its text as it is */
    Py_ssize_t mark_size;
} Part;

typedef struct {
    Py_ssize_t start, end; /* parts */
} Range;

typedef struct {
    Part *parts;
    Py_ssize_t part_count, part_capacity;
    Range *links;
    Py_ssize_t link_count, link_capacity;
    Py_ssize_t *open_marks; /* the part that each begins with */
    Py_ssize_t mark_count, mark_capacity;
    Py_ssize_t link_start; /* of the open link; -1 if none is open */
    const char *href;      /* of the open link */
    int is_visible, has_marks;
    Buffer marks, scratch, text, folded;
    PyObject *tidy;          /* the Python function, for text that may not be in NFC and text that is verbatim */
    PyObject *link_closing;  /* closes a link to an href; "" where there is to be none */
    PyObject *closings;      /* what it returned, by href */
} Run;

void free_run(Run *run);
int add_text(Run *run, const char *text, Py_ssize_t size, int is_verbatim);
int add_line_break(Run *run); /* 1 if one was just added */
void open_link(Run *run, const char *href);
int close_link(Run *run);
int open_mark(Run *run);
int close_mark(Run *run, const char *mark, Py_ssize_t size);
void drop_run(Run *run);

typedef struct {
    PyObject *text, *markdown;
    Py_ssize_t link_characters, words; /* words -1: by the caller, since the text has hardly any spaces */
} RunResult;

/* Take the run's text, with `text` NULL if it has none, and begin a new one. */
int take_run(Run *run, int is_verbatim, RunResult *result);

/* ---------- the functions of the module ---------- */

PyObject *read_blocks(PyObject *module, PyObject *arguments);
PyObject *survey_elements(PyObject *module, PyObject *arguments);
PyObject *join_words(PyObject *module, PyObject *arguments);
PyObject *hash_words(PyObject *module, PyObject *arguments);
PyObject *hash_names(PyObject *module, PyObject *arguments);
void make_crc_table(void);

#endif

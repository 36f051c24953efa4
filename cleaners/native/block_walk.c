/* One walk over a tree's nodes into blocks: `_BlockReader.read` of broadsheet.cleaners.page.visible_blocks.
 *
 * Elements become Python objects only where Python code is asked about them: hidden parts and tables.
 */

#include "native.h"

#include <strings.h>

/* Properties of a tag, as `_NATIVE_TAGS` of visible_blocks.py has them. */
enum {
    TAG_INVISIBLE = 1,
    TAG_BOUNDARY = 2,
    TAG_LINK = 4,
    TAG_BREAK = 8,
    TAG_MARK = 16,
    TAG_SEPARATOR = 32,
    TAG_TABLE = 64,
    TAG_LIST = 128,
    TAG_RESET = 256,
    TAG_LANDMARK = 512,
    TAG_ROOT = 1024,   /* has no step in a path */
    TAG_LAYOUT = 2048, /* in no data table */
    TAG_KIND = 12,     /* the number of the kind of block begins at this bit */
};

enum { PARAGRAPH, HEADING, LIST_ITEM, QUOTE, CODE, CAPTION, KIND_COUNT }; /* as in `_NATIVE_KINDS` */

enum { MOST_COMPARED = 16 }; /* siblings, for one with the same names */

typedef struct {
    const char *identity, *classes, *role;
    const char *href, *style;
    int may_hide;
} Attributes;

/* What an element passes down to the text inside it. */
typedef struct {
    PyObject *path, *landmarks, *tag;
    const char *identity, *classes, *role; /* of the element */
    int kind, level, list_depth;
    Py_ssize_t parent, last_child, previous_sibling; /* numbers of contexts; -1 for none */
} Context;

enum { SLOT_COUNT = 10 };
static const char *const SLOT_NAMES[SLOT_COUNT] = {
    "position", "kind", "text", "markdown", "path", "level", "link_chars", "landmarks", "words", "link_density",
};

typedef struct {
    struct LxmlDocument *document;
    PyObject *blocks;                                       /* the list of the result */
    PyObject *skips_hidden, *is_table, *read_table;         /* asked about elements */
    PyObject *tags, *marks, *roles, *path_step, *word_count; /* see `_NATIVE_GRAMMAR` */
    PyObject *kinds;
    PyTypeObject *block_type;
    PyObject *slots[SLOT_COUNT]; /* descriptors of a block's fields */
    Tags known_tags;
    Context *contexts;
    Py_ssize_t context_count, context_capacity;
    Py_ssize_t current; /* number of the innermost context */
    char **joined;      /* texts of several nodes, to be freed */
    Py_ssize_t joined_count, joined_capacity;
    Run run;
} Walk;

static void free_walk(Walk *walk) {
    clear_tags(&walk->known_tags);
    for (Py_ssize_t n = 0; n < walk->context_count; n++) {
        Py_CLEAR(walk->contexts[n].path);
        Py_CLEAR(walk->contexts[n].landmarks);
        Py_CLEAR(walk->contexts[n].tag);
    }
    PyMem_Free(walk->contexts);
    for (Py_ssize_t n = 0; n < walk->joined_count; n++)
        PyMem_Free(walk->joined[n]);
    PyMem_Free(walk->joined);
    for (int n = 0; n < SLOT_COUNT; n++)
        Py_CLEAR(walk->slots[n]);
    free_run(&walk->run);
}

static int read_tag(Tags *tags, Tag *tag) {
    const Walk *walk = tags->context;
    PyObject *flags = PyDict_GetItemWithError(walk->tags, tag->tag);
    tag->flags = flags == NULL ? 0 : (int)PyLong_AsLong(flags);
    tag->mark = tag->flags & TAG_MARK ? PyDict_GetItemWithError(walk->marks, tag->tag) : NULL;
    return PyErr_Occurred() ? FAILED : 0;
}

/* ---------- attributes ---------- */

/* Return whether a style may hide its element: whether `none` or `dden` is in it, in any case. */
static int may_hide_by_style(const char *style) {
    for (; *style; style++)
        if (strncasecmp(style, "none", 4) == 0 || strncasecmp(style, "dden", 4) == 0)
            return 1;
    return 0;
}

static int read_attributes(const xmlNode *node, Attributes *found) {
    int status = 0;
    memset(found, 0, sizeof *found);
    const struct {
        const char *name, **value;
    } wanted[] = {{"id", &found->identity}, {"class", &found->classes}, {"role", &found->role}, {"href", &found->href},
                  {"style", &found->style}, {"hidden", NULL}, {"aria-hidden", NULL}};
    const int count = sizeof wanted / sizeof *wanted;
    for (const xmlAttr *attribute = node->properties; attribute != NULL; attribute = attribute->next) {
        int n = 0;
        while (n < count && strcmp((const char *)attribute->name, wanted[n].name) != 0)
            n++;
        if (n == count || attribute->ns != NULL)
            continue;
        if (wanted[n].value == NULL)
            found->may_hide = 1;
        else
            *wanted[n].value = attribute_text(attribute, &status);
    }
    found->may_hide |= found->style != NULL && may_hide_by_style(found->style);
    return status;
}

/* ---------- contexts ---------- */

static int append_context(Walk *walk, Context context) {
    if (grow_array((void **)&walk->contexts, walk->context_count, &walk->context_capacity, sizeof context) < 0)
        return FAILED;
    walk->contexts[walk->context_count++] = context;
    return 0;
}

/* Return the step of an element in a path, a new reference. */
static PyObject *make_step(Walk *walk, Tag *tag, const Attributes *attributes) {
    if (attributes->identity == NULL && attributes->classes == NULL) {
        if (tag->plain_step == NULL)
            tag->plain_step = PyObject_CallFunctionObjArgs(walk->path_step, tag->tag, Py_None, Py_None, NULL);
        return Py_XNewRef(tag->plain_step);
    }
    PyObject *identity = text_or_none(attributes->identity), *classes = text_or_none(attributes->classes);
    PyObject *step = NULL;
    if (identity != NULL && classes != NULL)
        step = PyObject_CallFunctionObjArgs(walk->path_step, tag->tag, identity, classes, NULL);
    Py_XDECREF(identity);
    Py_XDECREF(classes);
    return step;
}

/* Return `path>step`, or the one of them that is not empty. */
static PyObject *join_path(PyObject *path, PyObject *step) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(path), step_size = PyUnicode_GET_LENGTH(step);
    if (size == 0 || step_size == 0)
        return Py_NewRef(size ? path : step);
    Py_UCS4 most = PyUnicode_MAX_CHAR_VALUE(path), step_most = PyUnicode_MAX_CHAR_VALUE(step);
    PyObject *joined = PyUnicode_New(size + 1 + step_size, most > step_most ? most : step_most);
    if (joined == NULL)
        return NULL;
    if (PyUnicode_CopyCharacters(joined, 0, path, 0, size) < 0 || PyUnicode_WriteChar(joined, size, '>') < 0 ||
        PyUnicode_CopyCharacters(joined, size + 1, step, 0, step_size) < 0)
        Py_CLEAR(joined);
    return joined;
}

/* Return the landmarks inside an element, a new reference. */
static PyObject *make_landmarks(Walk *walk, PyObject *landmarks, const Tag *tag, const char *role) {
    PyObject *landmark = tag->flags & TAG_LANDMARK ? tag->tag : NULL;
    if (landmark == NULL && role != NULL) {
        PyObject *name = text_or_none(role);
        if (name == NULL)
            return NULL;
        landmark = PyDict_GetItemWithError(walk->roles, name);
        Py_DECREF(name);
        if (landmark == NULL && PyErr_Occurred())
            return NULL;
    }
    if (landmark == NULL)
        return Py_NewRef(landmarks);
    int is_there = PySet_Contains(landmarks, landmark);
    if (is_there)
        return is_there < 0 ? NULL : Py_NewRef(landmarks);
    PyObject *single = PyTuple_Pack(1, landmark), *added = NULL, *joined = NULL;
    if (single != NULL && (added = PyFrozenSet_New(single)) != NULL)
        joined = PyNumber_Or(landmarks, added);
    Py_XDECREF(single);
    Py_XDECREF(added);
    return joined;
}

static void set_kind(Context *context, const Tag *tag) {
    int kind = tag->flags >> TAG_KIND;
    if (tag->flags & TAG_LIST)
        context->list_depth++;
    if (kind) {
        if (context->kind == CODE || (kind == LIST_ITEM && context->kind == CAPTION))
            return;
        context->kind = kind;
        if (kind == HEADING)
            context->level = tag->name[1] - '0';
        else if (kind == LIST_ITEM)
            context->level = context->list_depth > 1 ? context->list_depth : 1;
    } else if (tag->flags & TAG_RESET && context->kind != QUOTE) {
        context->kind = PARAGRAPH;
        context->level = 0;
    }
}

/* Find the context of an earlier sibling with the same tag and attributes, among the last few; -1 if there is none. */
static Py_ssize_t find_sibling(const Walk *walk, const Tag *tag, const Attributes *attributes) {
    Py_ssize_t number = walk->contexts[walk->current].last_child;
    for (int compared = 0; number >= 0 && compared < MOST_COMPARED; compared++) {
        const Context *sibling = &walk->contexts[number];
        if (sibling->tag == tag->tag && same_text(sibling->classes, attributes->classes) &&
            same_text(sibling->identity, attributes->identity) && same_text(sibling->role, attributes->role))
            return number;
        number = sibling->previous_sibling;
    }
    return -1;
}

/* Enter the context of an element. */
static int enter_context(Walk *walk, Tag *tag, const Attributes *attributes) {
    Py_ssize_t number = find_sibling(walk, tag, attributes), parent = walk->current;
    if (number >= 0) {
        walk->current = number;
        return 0;
    }
    Context context = walk->contexts[parent];
    PyObject *step = tag->flags & TAG_ROOT ? new_text("", 0) : make_step(walk, tag, attributes);
    context.path = step == NULL ? NULL : join_path(context.path, step);
    Py_XDECREF(step);
    context.landmarks = context.path == NULL ? NULL : make_landmarks(walk, context.landmarks, tag, attributes->role);
    context.tag = Py_NewRef(tag->tag);
    context.identity = attributes->identity;
    context.classes = attributes->classes;
    context.role = attributes->role;
    set_kind(&context, tag);
    context.parent = parent;
    context.previous_sibling = context.last_child;
    context.last_child = -1;
    if (context.landmarks == NULL || append_context(walk, context) < 0) {
        Py_XDECREF(context.path);
        Py_XDECREF(context.landmarks);
        Py_DECREF(context.tag);
        return FAILED;
    }
    walk->current = walk->contexts[parent].last_child = walk->context_count - 1;
    return 0;
}

/* ---------- blocks ---------- */

/* Set the fields of a block, and append it. Blocks are frozen: their slots are set as the class itself sets them. */
static int fill_block(Walk *walk, PyObject *block, const RunResult *result) {
    const Context *context = &walk->contexts[walk->current];
    int kind = context->kind, has_level = kind == HEADING || kind == LIST_ITEM, status = 0;
    double characters = (double)PyUnicode_GET_LENGTH(result->text);
    PyObject *values[SLOT_COUNT] = {
        PyLong_FromSsize_t(PyList_GET_SIZE(walk->blocks)),
        Py_NewRef(PyTuple_GET_ITEM(walk->kinds, kind)),
        Py_NewRef(result->text),
        Py_NewRef(result->markdown),
        Py_NewRef(context->path),
        PyLong_FromLong(has_level ? context->level : 0),
        PyLong_FromSsize_t(result->link_characters),
        Py_NewRef(context->landmarks),
        result->words < 0 ? PyObject_CallOneArg(walk->word_count, result->text) : PyLong_FromSsize_t(result->words),
        PyFloat_FromDouble((double)result->link_characters / characters),
    };
    for (int n = 0; n < SLOT_COUNT; n++) {
        PyObject *slot = walk->slots[n];
        if (values[n] == NULL || (status == 0 && Py_TYPE(slot)->tp_descr_set(slot, block, values[n]) < 0))
            status = FAILED;
        Py_XDECREF(values[n]);
    }
    return status < 0 ? FAILED : PyList_Append(walk->blocks, block);
}

/* End the current run of text, which stands in the current context, and append its block. */
static int flush_run(Walk *walk) {
    RunResult result;
    if (!walk->run.is_visible) {
        drop_run(&walk->run);
        return 0;
    }
    if (take_run(&walk->run, walk->contexts[walk->current].kind == CODE, &result) < 0)
        return FAILED;
    if (result.text == NULL)
        return 0;
    PyObject *block = walk->block_type->tp_alloc(walk->block_type, 0);
    int status = block == NULL ? FAILED : fill_block(walk, block, &result);
    Py_XDECREF(block);
    Py_DECREF(result.text);
    Py_DECREF(result.markdown);
    return status;
}

/* ---------- elements ---------- */

/* Return whether a function of an element, a path and landmarks, or of the element alone, is true of a node. */
static int ask(Walk *walk, PyObject *function, xmlNode *node, const Context *context) {
    PyObject *element = element_of(walk->document, node), *path = context == NULL ? NULL : context->path;
    if (element == NULL)
        return FAILED;
    PyObject *answer = PyObject_CallFunctionObjArgs(function, element, path, path ? context->landmarks : NULL, NULL);
    Py_DECREF(element);
    int is_true = answer == NULL ? FAILED : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return is_true;
}

/* Return whether a table has an element inside that no data table has. */
static int has_layout_inside(Walk *walk, xmlNode *table) {
    for (xmlNode *node = next_inside(table, table); node != NULL; node = next_inside(table, node)) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        Tag *tag = node->ns == NULL ? find_tag(&walk->known_tags, node->name) : NULL;
        if (tag == NULL)
            return node->ns == NULL ? FAILED : UNUSUAL;
        if (tag->flags & TAG_LAYOUT)
            return 1;
    }
    return 0;
}

/* Read a data table as a whole; 0 if the table is none. */
static int read_data_table(Walk *walk, xmlNode *table) {
    int has_layout = has_layout_inside(walk, table);
    if (has_layout)
        return has_layout < 0 ? has_layout : 0;
    int is_table = ask(walk, walk->is_table, table, NULL);
    if (is_table <= 0)
        return is_table;
    if (flush_run(walk) < 0 || ask(walk, walk->read_table, table, &walk->contexts[walk->current]) < 0)
        return FAILED;
    return 1;
}

static int open_inline(Walk *walk, const Tag *tag, const Attributes *attributes) {
    Run *run = &walk->run;
    int is_verbatim = walk->contexts[walk->current].kind == CODE;
    if (tag->flags & TAG_LINK) {
        open_link(run, attributes->href == NULL ? "" : attributes->href);
        return 0;
    }
    if (tag->flags & TAG_BREAK) {
        int ends_block = add_line_break(run);
        return ends_block > 0 ? flush_run(walk) : ends_block;
    }
    if (tag->flags & TAG_MARK)
        return open_mark(run);
    return tag->flags & TAG_SEPARATOR ? add_text(run, " ", 1, is_verbatim) : 0;
}

static int close_inline(Walk *walk, const Tag *tag) {
    if (tag->flags & TAG_LINK)
        return close_link(&walk->run);
    if (tag->flags & TAG_MARK) {
        Py_ssize_t size;
        const char *mark = PyUnicode_AsUTF8AndSize(tag->mark, &size);
        return mark == NULL ? FAILED : close_mark(&walk->run, mark, size);
    }
    return 0;
}

/* Begin an element: 1 to go inside, 0 to leave it out. */
static int open_element(Walk *walk, xmlNode *node) {
    Attributes attributes;
    if (node->ns != NULL)
        return UNUSUAL;
    Tag *tag = find_tag(&walk->known_tags, node->name);
    if (tag == NULL)
        return FAILED;
    if (tag->flags & TAG_INVISIBLE)
        return 0;
    int status = read_attributes(node, &attributes);
    if (status < 0)
        return status;
    if (attributes.may_hide) {
        int is_skipped = ask(walk, walk->skips_hidden, node, NULL);
        if (is_skipped)
            return is_skipped < 0 ? FAILED : 0;
    }
    if (tag->flags & TAG_TABLE) {
        int is_read = read_data_table(walk, node);
        if (is_read)
            return is_read < 0 ? is_read : 0;
        tag = find_tag(&walk->known_tags, node->name); /* other tags have been looked up */
        if (tag == NULL)
            return FAILED;
    }
    if (tag->flags & TAG_BOUNDARY) {
        if (walk->run.part_count && flush_run(walk) < 0)
            return FAILED;
        status = enter_context(walk, tag, &attributes);
    } else {
        status = open_inline(walk, tag, &attributes);
    }
    return status < 0 ? status : 1;
}

static int close_element(Walk *walk, const xmlNode *node) {
    Tag *tag = find_tag(&walk->known_tags, node->name);
    if (tag == NULL)
        return FAILED;
    if (!(tag->flags & TAG_BOUNDARY))
        return close_inline(walk, tag);
    int status = walk->run.part_count ? flush_run(walk) : 0;
    walk->current = walk->contexts[walk->current].parent;
    return status;
}

/* Add the text of a text node and those right after it, and set `node` to the last of them. */
static int add_text_nodes(Walk *walk, xmlNode **node) {
    xmlNode *first = *node, *last = first;
    int is_verbatim = walk->contexts[walk->current].kind == CODE;
    size_t size = first->content == NULL ? 0 : strlen((const char *)first->content);
    while (last->next != NULL && is_text_node(last->next)) {
        last = last->next;
        size += last->content == NULL ? 0 : strlen((const char *)last->content);
    }
    *node = last;
    if (size == 0)
        return 0;
    if (first == last)
        return add_text(&walk->run, (const char *)first->content, (Py_ssize_t)size, is_verbatim);
    if (grow_array((void **)&walk->joined, walk->joined_count, &walk->joined_capacity, sizeof(char *)) < 0)
        return FAILED;
    char *text = PyMem_Malloc(size), *end = text;
    if (text == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    walk->joined[walk->joined_count++] = text;
    for (const xmlNode *part = first;; part = part->next) {
        size_t part_size = part->content == NULL ? 0 : strlen((const char *)part->content);
        if (part_size)
            memcpy(end, part->content, part_size);
        end += part_size;
        if (part == last)
            break;
    }
    return add_text(&walk->run, text, (Py_ssize_t)size, is_verbatim);
}

/* Visit a node, and set it to the last one that was visited with it: 1 to go inside, 0 to go on after it. */
static int visit_node(Walk *walk, xmlNode **node) {
    xmlElementType type = (*node)->type;
    if (type == XML_ELEMENT_NODE)
        return open_element(walk, *node);
    if (is_text_node(*node))
        return add_text_nodes(walk, node);
    return type == XML_COMMENT_NODE || type == XML_PI_NODE ? 0 : UNUSUAL;
}

static int walk_tree(Walk *walk, xmlNode *root) {
    xmlNode *node = root;
    for (;;) {
        int status = visit_node(walk, &node);
        if (status < 0)
            return status;
        if (status && node->children != NULL) {
            node = node->children;
            continue;
        }
        if (status && (status = close_element(walk, node)) < 0)
            return status;
        while (node != root && node->next == NULL) {
            node = node->parent;
            if ((status = close_element(walk, node)) < 0)
                return status;
        }
        if (node == root)
            return flush_run(walk);
        node = node->next;
    }
}

static int read_slots(Walk *walk) {
    for (int n = 0; n < SLOT_COUNT; n++) {
        walk->slots[n] = PyObject_GetAttrString((PyObject *)walk->block_type, SLOT_NAMES[n]);
        if (walk->slots[n] == NULL)
            return FAILED;
        if (Py_TYPE(walk->slots[n])->tp_descr_set == NULL) {
            PyErr_Format(PyExc_TypeError, "a block's %s is no slot", SLOT_NAMES[n]);
            return FAILED;
        }
    }
    return 0;
}

static int begin_walk(Walk *walk) {
    Context context = {.parent = -1, .last_child = -1, .previous_sibling = -1};
    walk->known_tags.read = read_tag;
    walk->known_tags.context = walk;
    walk->run.link_start = -1;
    walk->run.closings = PyDict_New();
    context.path = new_text("", 0);
    context.tag = new_text("", 0);
    context.landmarks = PyFrozenSet_New(NULL);
    if (append_context(walk, context) < 0) {
        Py_XDECREF(context.path);
        Py_XDECREF(context.tag);
        Py_XDECREF(context.landmarks);
        return FAILED;
    }
    return walk->run.closings && context.path && context.tag && context.landmarks ? 0 : FAILED;
}

/* read_blocks(root, blocks, grammar, skips_hidden, is_table, read_table, link_closing) -> bool
 *
 * Appends the blocks of a tree to a list. False for a tree that this code leaves to Python; the list is then to be
 * discarded. */
PyObject *read_blocks(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *root, *answer = NULL;
    Walk *walk = PyMem_Calloc(1, sizeof *walk);
    if (walk == NULL)
        return PyErr_NoMemory();
    if (!PyArg_ParseTuple(arguments, "OO!(O!O!O!O!O!OOO)OOOO:read_blocks", &root, &PyList_Type, &walk->blocks,
                          &PyType_Type, &walk->block_type, &PyTuple_Type, &walk->kinds, &PyDict_Type, &walk->tags,
                          &PyDict_Type, &walk->marks, &PyDict_Type, &walk->roles, &walk->path_step, &walk->word_count,
                          &walk->run.tidy, &walk->skips_hidden, &walk->is_table, &walk->read_table,
                          &walk->run.link_closing))
        goto done;
    if (PyTuple_GET_SIZE(walk->kinds) != KIND_COUNT) {
        PyErr_SetString(PyExc_ValueError, "the kinds of blocks are others than this code knows");
        goto done;
    }
    struct LxmlElement *element = element_argument(root);
    if (element == NULL)
        goto done;
    walk->document = element->_doc;
    if (read_slots(walk) == 0 && begin_walk(walk) == 0) {
        int status = walk_tree(walk, element->_c_node);
        if (status != FAILED)
            answer = PyBool_FromLong(status == 0);
    }
    Py_DECREF((PyObject *)element);
done:
    free_walk(walk);
    PyMem_Free(walk);
    return answer;
}

/* Nodes of a tree: their order, and what is known of their tags. */

#include "native.h"

xmlNode *next_inside(const xmlNode *root, xmlNode *node) {
    if (node->type == XML_ELEMENT_NODE && node->children != NULL)
        return node->children;
    while (node != root && node->next == NULL)
        node = node->parent;
    return node == root ? NULL : node->next;
}

PyObject *text_or_none(const char *text) {
    if (text == NULL)
        Py_RETURN_NONE;
    return new_text(text, (Py_ssize_t)strlen(text));
}

int same_text(const char *first, const char *second) {
    return first == second || (first != NULL && second != NULL && strcmp(first, second) == 0);
}

static void clear_tag(Tag *tag) {
    Py_CLEAR(tag->tag);
    Py_CLEAR(tag->plain_step);
    tag->name = NULL;
}

void clear_tags(Tags *tags) {
    for (int n = 0; n < TAG_SLOTS; n++)
        clear_tag(&tags->slots[n]);
    clear_tag(&tags->spare);
}

Tag *find_tag(Tags *tags, const xmlChar *name) {
    size_t slot = ((uintptr_t)name >> 3) % TAG_SLOTS;
    while (tags->slots[slot].name != NULL && tags->slots[slot].name != name)
        slot = (slot + 1) % TAG_SLOTS;
    Tag *tag = &tags->slots[slot];
    if (tag->name == name)
        return tag;
    if (tags->count >= MOST_TAGS) {
        tag = &tags->spare;
        clear_tag(tag);
    }
    PyObject *text = PyUnicode_FromString((const char *)name);
    if (text == NULL)
        return NULL;
    PyUnicode_InternInPlace(&text);
    tag->tag = text;
    tag->name = name;
    if (tags->read(tags, tag) < 0) {
        clear_tag(tag);
        return NULL;
    }
    tags->count += tag != &tags->spare;
    return tag;
}

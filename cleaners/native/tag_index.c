/* Elements of a tree, found in one walk over its nodes: by tag, by names, or because they may be a byline or a date. */

#include "native.h"

enum { TAG_FOUND = 1, TAG_IS_LINK = 2 };

static int read_tag(Tags *tags, Tag *tag) {
    int is_found = PySet_Contains(tags->context, tag->tag);
    tag->flags = (is_found > 0 ? TAG_FOUND : 0) | (strcmp((const char *)tag->name, "a") == 0 ? TAG_IS_LINK : 0);
    return is_found < 0 ? FAILED : 0;
}

/* A function of an element: 0, FAILED or UNUSUAL. `tag` says whether its name is one of those that were asked for. */
typedef int (*Visit)(void *context, struct LxmlDocument *document, xmlNode *node, const Tag *tag);

static int visit_nodes(struct LxmlElement *root, Tags *tags, Visit visit, void *context) {
    for (xmlNode *node = root->_c_node; node != NULL; node = next_inside(root->_c_node, node)) {
        if (node->type == XML_ENTITY_REF_NODE)
            return UNUSUAL;
        if (node->type != XML_ELEMENT_NODE)
            continue;
        const Tag *tag = node->ns == NULL ? find_tag(tags, node->name) : NULL;
        if (tag == NULL)
            return node->ns == NULL ? FAILED : UNUSUAL;
        int status = visit(context, root->_doc, node, tag);
        if (status < 0)
            return status;
    }
    return 0;
}

/* Visit each element of a tree, with the tags that a frozenset names. */
static int visit_elements(PyObject *root, PyObject *names, Visit visit, void *context) {
    struct LxmlElement *element = element_argument(root);
    if (element == NULL)
        return FAILED;
    Tags *tags = PyMem_Calloc(1, sizeof *tags);
    int status = FAILED;
    if (tags == NULL) {
        PyErr_NoMemory();
    } else {
        tags->read = read_tag;
        tags->context = names;
        status = visit_nodes(element, tags, visit, context);
        clear_tags(tags);
        PyMem_Free(tags);
    }
    Py_DECREF((PyObject *)element);
    return status;
}

/* ---------- by tag ---------- */

typedef struct {
    PyObject *tagged, *typed;
} Index;

static int index_element(void *context, struct LxmlDocument *document, xmlNode *node, const Tag *tag) {
    const Index *index = context;
    const char *type = NULL;
    int status = 0;
    for (const xmlAttr *attribute = node->properties; attribute != NULL; attribute = attribute->next)
        if (attribute->ns == NULL && strcmp((const char *)attribute->name, "itemtype") == 0)
            type = attribute_text(attribute, &status);
    int is_typed = type != NULL && type[0] != '\0';
    if (status < 0 || !(is_typed || tag->flags & TAG_FOUND))
        return status;
    PyObject *element = element_of(document, node);
    if (element == NULL)
        return FAILED;
    if (tag->flags & TAG_FOUND) {
        PyObject *pair = PyTuple_Pack(2, tag->tag, element);
        status = pair == NULL ? FAILED : PyList_Append(index->tagged, pair);
        Py_XDECREF(pair);
    }
    if (status == 0 && is_typed)
        status = PyList_Append(index->typed, element);
    Py_DECREF(element);
    return status;
}

/* index_elements(root, tags) -> (tagged, typed), or None for a tree that this code leaves to Python
 *
 * The pairs (tag, element) with one of `tags`, and the elements with an `itemtype`. */
PyObject *index_elements(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *root, *tags, *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "OO!:index_elements", &root, &PyFrozenSet_Type, &tags))
        return NULL;
    Index index = {PyList_New(0), PyList_New(0)};
    if (index.tagged != NULL && index.typed != NULL) {
        int status = visit_elements(root, tags, index_element, &index);
        if (status != FAILED)
            answer = status == UNUSUAL ? Py_NewRef(Py_None) : PyTuple_Pack(2, index.tagged, index.typed);
    }
    Py_XDECREF(index.tagged);
    Py_XDECREF(index.typed);
    return answer;
}

/* ---------- by names ---------- */

typedef struct {
    const char *tag, *classes, *identity; /* NULL without such an attribute */
    uint64_t hash;
} Names;

typedef struct {
    Names *names; /* distinct, in the order in which they came */
    Py_ssize_t count, capacity;
    Py_ssize_t *slots; /* open addressing: number of an entry of `names` + 1, 0 where free */
    size_t slot_count; /* a power of two */
} NameSet;

/* Go on with a hash, eight bytes at once; it begins with an address, which no page knows. */
static uint64_t hash_string(uint64_t hash, const char *text) {
    const uint64_t factor = 0x9e3779b97f4a7c15u;
    size_t size = text == NULL ? 0 : strlen(text), left = size;
    for (uint64_t word = 0; left > 0; text += 8) {
        size_t count = left < 8 ? left : 8;
        memcpy(&word, text, count);
        hash = (hash ^ word) * factor;
        hash ^= hash >> 29;
        left -= count;
    }
    return (hash ^ (text == NULL ? UINT64_MAX : size)) * factor;
}

static int grow_slots(NameSet *set) {
    size_t size = set->slot_count ? set->slot_count * 2 : 256;
    Py_ssize_t *slots = PyMem_Calloc(size, sizeof *slots);
    if (slots == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    for (Py_ssize_t n = 0; n < set->count; n++) {
        size_t slot = set->names[n].hash & (size - 1);
        while (slots[slot])
            slot = (slot + 1) & (size - 1);
        slots[slot] = n + 1;
    }
    PyMem_Free(set->slots);
    set->slots = slots;
    set->slot_count = size;
    return 0;
}

static int add_names(NameSet *set, Names names) {
    if ((size_t)set->count * 2 >= set->slot_count && grow_slots(set) < 0)
        return FAILED;
    names.hash = hash_string(hash_string(hash_string((uintptr_t)set, names.tag), names.classes), names.identity);
    size_t slot = names.hash & (set->slot_count - 1);
    for (; set->slots[slot]; slot = (slot + 1) & (set->slot_count - 1)) {
        const Names *other = &set->names[set->slots[slot] - 1];
        if (other->hash == names.hash && same_text(other->tag, names.tag) &&
            same_text(other->classes, names.classes) && same_text(other->identity, names.identity))
            return 0;
    }
    if (grow_array((void **)&set->names, set->count, &set->capacity, sizeof names) < 0)
        return FAILED;
    set->names[set->count++] = names;
    set->slots[slot] = set->count;
    return 0;
}

static int read_names(void *context, struct LxmlDocument *Py_UNUSED(document), xmlNode *node, const Tag *tag) {
    Names names = {(const char *)node->name, NULL, NULL, 0};
    int status = 0;
    for (const xmlAttr *attribute = node->properties; attribute != NULL; attribute = attribute->next) {
        if (attribute->ns != NULL)
            continue;
        if (strcmp((const char *)attribute->name, "class") == 0)
            names.classes = attribute_text(attribute, &status);
        else if (strcmp((const char *)attribute->name, "id") == 0)
            names.identity = attribute_text(attribute, &status);
    }
    if (status < 0 || tag->flags & TAG_FOUND || (names.classes == NULL && names.identity == NULL))
        return status;
    return add_names(context, names);
}

static PyObject *make_list(const NameSet *set) {
    PyObject *list = PyList_New(set->count);
    for (Py_ssize_t n = 0; list != NULL && n < set->count; n++) {
        const Names *names = &set->names[n];
        PyObject *row = Py_BuildValue("(NNN)", text_or_none(names->tag), text_or_none(names->classes),
                                      text_or_none(names->identity));
        if (row == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, n, row);
    }
    return list;
}

/* list_names(root, nameless_tags) -> [(tag, class, id)], or None for a tree that this code leaves to Python
 *
 * The distinct names of elements with a class or an id, but for those with one of `nameless_tags`. */
PyObject *list_names(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *root, *nameless_tags, *answer = NULL;
    NameSet set = {NULL, 0, 0, NULL, 0};
    if (!PyArg_ParseTuple(arguments, "OO!:list_names", &root, &PyFrozenSet_Type, &nameless_tags))
        return NULL;
    int status = visit_elements(root, nameless_tags, read_names, &set);
    if (status != FAILED)
        answer = status == UNUSUAL ? Py_NewRef(Py_None) : make_list(&set);
    PyMem_Free(set.names);
    PyMem_Free(set.slots);
    return answer;
}

/* ---------- bylines and dates ---------- */

typedef struct {
    PyObject *needles, *link_needles, *attributes, *found;
} Marked;

/* Return whether one of the texts of a tuple is in a text; with `is_whole`, whether one of them is the text. */
static int has_any(const char *text, PyObject *needles, int is_whole) {
    for (Py_ssize_t n = 0; n < PyTuple_GET_SIZE(needles); n++) {
        const char *needle = PyUnicode_AsUTF8(PyTuple_GET_ITEM(needles, n));
        if (needle == NULL)
            return FAILED;
        if (is_whole ? strcmp(text, needle) == 0 : strstr(text, needle) != NULL)
            return 1;
    }
    return 0;
}

/* Return whether an attribute says that its element may be a byline or a date. */
static int is_mark(const Marked *marked, const xmlAttr *attribute, const Tag *tag) {
    const char *name = (const char *)attribute->name;
    int status = 0, is_class = strcmp(name, "class") == 0, is_href = strcmp(name, "href") == 0;
    if (attribute->ns != NULL || (is_href && !(tag->flags & TAG_IS_LINK)))
        return 0;
    if (!is_class && !is_href)
        return has_any(name, marked->attributes, 1);
    const char *text = attribute_text(attribute, &status);
    return text == NULL ? status : has_any(text, is_class ? marked->needles : marked->link_needles, 0);
}

static int find_mark(void *context, struct LxmlDocument *document, xmlNode *node, const Tag *tag) {
    const Marked *marked = context;
    int is_found = 0;
    for (const xmlAttr *attribute = node->properties; attribute != NULL && !is_found; attribute = attribute->next)
        is_found = is_mark(marked, attribute, tag);
    if (is_found <= 0)
        return is_found;
    PyObject *element = element_of(document, node);
    int status = element == NULL ? FAILED : PyList_Append(marked->found, element);
    Py_XDECREF(element);
    return status;
}

/* find_marked(root, needles, link_needles, attributes) -> [element], or None for a tree that this code leaves to Python
 *
 * The elements with one of `needles` in their class, of `link_needles` in a link's href, or with one of the other
 * attributes. */
PyObject *find_marked(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *root, *answer = NULL, *no_tags = PyFrozenSet_New(NULL);
    Marked marked = {NULL, NULL, NULL, PyList_New(0)};
    if (no_tags != NULL && marked.found != NULL &&
        PyArg_ParseTuple(arguments, "OO!O!O!:find_marked", &root, &PyTuple_Type, &marked.needles, &PyTuple_Type,
                         &marked.link_needles, &PyTuple_Type, &marked.attributes)) {
        int status = visit_elements(root, no_tags, find_mark, &marked);
        if (status != FAILED)
            answer = Py_NewRef(status == UNUSUAL ? Py_None : marked.found);
    }
    Py_XDECREF(no_tags);
    Py_XDECREF(marked.found);
    return answer;
}

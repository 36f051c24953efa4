/* Elements of a tree, found in one walk over its nodes: by tag, by names, or because they may be a byline or a date. */

#include "native.h"

enum { TAG_FOUND = 1, TAG_IS_LINK = 2 };

/* ---------- distinct names ---------- */

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

/* ---------- elements ---------- */

typedef struct {
    struct LxmlDocument *document;
    PyObject *tags, *needles, *link_needles, *attributes; /* see `survey_elements` */
    PyObject *found[3]; /* lists: with one of the tags, typed, marked */
    NameSet names;
    Tags known_tags;
} Survey;

static int read_tag(Tags *tags, Tag *tag) {
    const Survey *survey = tags->context;
    int is_found = PySet_Contains(survey->tags, tag->tag);
    tag->flags = (is_found > 0 ? TAG_FOUND : 0) | (strcmp((const char *)tag->name, "a") == 0 ? TAG_IS_LINK : 0);
    return is_found < 0 ? FAILED : 0;
}

/* Return whether one of the texts of a tuple is in a text. */
static int has_any(const char *text, PyObject *needles) {
    for (Py_ssize_t n = 0; n < PyTuple_GET_SIZE(needles); n++) {
        const char *needle = PyUnicode_AsUTF8(PyTuple_GET_ITEM(needles, n));
        if (needle == NULL)
            return FAILED;
        if (strstr(text, needle) != NULL)
            return 1;
    }
    return 0;
}

typedef struct {
    Names names;
    int is_typed, is_marked;
} Found;

/* Note what an attribute says of its element. */
static int read_attribute(const Survey *survey, const xmlAttr *attribute, const Tag *tag, Found *found) {
    const char *name = (const char *)attribute->name, *text = name;
    PyObject *needles = survey->attributes;
    int status = 0;
    if (attribute->ns != NULL)
        return 0;
    if (strcmp(name, "class") == 0) {
        text = found->names.classes = attribute_text(attribute, &status);
        needles = survey->needles;
    } else if (strcmp(name, "id") == 0) {
        found->names.identity = attribute_text(attribute, &status);
    } else if (strcmp(name, "itemtype") == 0) {
        const char *type = attribute_text(attribute, &status);
        found->is_typed = type != NULL && type[0] != '\0';
    } else if (strcmp(name, "href") == 0) {
        text = tag->flags & TAG_IS_LINK ? attribute_text(attribute, &status) : NULL;
        needles = survey->link_needles;
    }
    if (status < 0 || text == NULL || found->is_marked)
        return status;
    found->is_marked = has_any(text, needles);
    return found->is_marked < 0 ? FAILED : 0;
}

static int append_element(const Survey *survey, xmlNode *node, const Tag *tag, const Found *found) {
    PyObject *element = element_of(survey->document, node);
    int status = element == NULL ? FAILED : 0;
    if (status == 0 && tag->flags & TAG_FOUND) {
        PyObject *pair = PyTuple_Pack(2, tag->tag, element);
        status = pair == NULL ? FAILED : PyList_Append(survey->found[0], pair);
        Py_XDECREF(pair);
    }
    if (status == 0 && found->is_typed)
        status = PyList_Append(survey->found[1], element);
    if (status == 0 && found->is_marked)
        status = PyList_Append(survey->found[2], element);
    Py_XDECREF(element);
    return status;
}

static int survey_element(Survey *survey, xmlNode *node) {
    Found found = {{(const char *)node->name, NULL, NULL, 0}, 0, 0};
    const Tag *tag = node->ns == NULL ? find_tag(&survey->known_tags, node->name) : NULL;
    if (tag == NULL)
        return node->ns == NULL ? FAILED : UNUSUAL;
    for (const xmlAttr *attribute = node->properties; attribute != NULL; attribute = attribute->next) {
        int status = read_attribute(survey, attribute, tag, &found);
        if (status < 0)
            return status;
    }
    if ((found.names.classes != NULL || found.names.identity != NULL) && add_names(&survey->names, found.names) < 0)
        return FAILED;
    return tag->flags & TAG_FOUND || found.is_typed || found.is_marked ? append_element(survey, node, tag, &found) : 0;
}

static int survey_tree(Survey *survey, xmlNode *root) {
    for (xmlNode *node = root; node != NULL; node = next_inside(root, node)) {
        int status = node->type == XML_ELEMENT_NODE      ? survey_element(survey, node)
                     : node->type == XML_ENTITY_REF_NODE ? UNUSUAL
                                                         : 0;
        if (status < 0)
            return status;
    }
    return 0;
}

/* survey_elements(root, tags, needles, link_needles, attributes) -> (tagged, typed, marked, names) or None
 *
 * The pairs (tag, element) with one of `tags`; the elements with an `itemtype`; those with one of `needles` in their
 * class, of `link_needles` in a link's href, or of `attributes` in another attribute's name; and the distinct (tag,
 * class, id) of elements with a class or id. None for a tree that this code leaves to Python. */
PyObject *survey_elements(PyObject *Py_UNUSED(module), PyObject *arguments) {
    PyObject *root, *answer = NULL;
    struct LxmlElement *element = NULL;
    Survey *survey = PyMem_Calloc(1, sizeof *survey);
    if (survey == NULL)
        return PyErr_NoMemory();
    survey->known_tags.read = read_tag;
    survey->known_tags.context = survey;
    for (int n = 0; n < 3; n++)
        survey->found[n] = PyList_New(0);
    PyObject **found = survey->found;
    if (found[0] != NULL && found[1] != NULL && found[2] != NULL &&
        PyArg_ParseTuple(arguments, "OO!O!O!O!:survey_elements", &root, &PyFrozenSet_Type, &survey->tags,
                         &PyTuple_Type, &survey->needles, &PyTuple_Type, &survey->link_needles, &PyTuple_Type,
                         &survey->attributes))
        element = element_argument(root);
    if (element != NULL) {
        survey->document = element->_doc;
        int status = survey_tree(survey, element->_c_node);
        if (status == UNUSUAL)
            answer = Py_NewRef(Py_None);
        else if (status == 0)
            answer = Py_BuildValue("(OOON)", found[0], found[1], found[2], make_list(&survey->names));
        Py_DECREF((PyObject *)element);
    }
    clear_tags(&survey->known_tags);
    PyMem_Free(survey->names.names);
    PyMem_Free(survey->names.slots);
    for (int n = 0; n < 3; n++)
        Py_XDECREF(found[n]);
    PyMem_Free(survey);
    return answer;
}

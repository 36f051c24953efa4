/* The module `_native`: functions of the cleaners in C, over the nodes of lxml's trees.
 *
 * Only the head of libxml2's and lxml's structures is read, no function of libxml2 is called. So the module is bound to
 * the minor versions of both: elsewhere, and where BROADSHEET_PURE is set, its import raises ImportError, and the
 * Python code beside it does the same work.
 */

#include "native.h"

#include <stdio.h>
#include <stdlib.h>

#include "lxml-version.h"
#include "lxml.etree_api.h"

PyObject *element_of(struct LxmlDocument *document, xmlNode *node) {
    return (PyObject *)elementFactory(document, node);
}

struct LxmlElement *element_argument(PyObject *object) { return rootNodeOrRaise(object); }

const char *attribute_text(const xmlAttr *attribute, int *status) {
    const xmlNode *value = attribute->children;
    if (value == NULL)
        return "";
    if (value->next != NULL || value->type != XML_TEXT_NODE) {
        *status = UNUSUAL;
        return NULL;
    }
    return value->content == NULL ? "" : (const char *)value->content;
}

/* Refuse to be imported, and say why. */
static int refuse(const char *reason, PyObject *detail) {
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_ImportError, reason, detail);
    return FAILED;
}

/* Return whether a version that lxml states, as a tuple, begins with two numbers. */
static int is_version(PyObject *etree, const char *name, long major, long minor) {
    PyObject *version = PyObject_GetAttrString(etree, name);
    long stated[2] = {-1, -1};
    if (version != NULL && PyTuple_Check(version) && PyTuple_GET_SIZE(version) > 1)
        for (int n = 0; n < 2; n++)
            stated[n] = PyLong_AsLong(PyTuple_GET_ITEM(version, n));
    Py_XDECREF(version);
    return stated[0] == major && stated[1] == minor;
}

/* Read a small tree through the structures, as a test that they lie as this code was compiled for. */
static int is_layout_right(PyObject *etree) {
    PyObject *root = PyObject_CallMethod(etree, "fromstring", "s", "<p id=\"a\">b<i class=\"c\"/>d</p>");
    struct LxmlElement *element = root == NULL ? NULL : rootNodeOrRaise(root);
    int is_right = 0, status = 0;
    if (element != NULL) {
        const xmlNode *node = element->_c_node, *text = node->children, *inner = text ? text->next : NULL;
        const xmlAttr *attribute = node->properties;
        is_right = Py_TYPE(element)->tp_basicsize >= (Py_ssize_t)sizeof *element && node->type == XML_ELEMENT_NODE &&
                   strcmp((const char *)node->name, "p") == 0 && node->ns == NULL && attribute != NULL &&
                   strcmp((const char *)attribute->name, "id") == 0 && attribute->ns == NULL &&
                   strcmp(attribute_text(attribute, &status), "a") == 0 && text != NULL && is_text_node(text) &&
                   strcmp((const char *)text->content, "b") == 0 && inner != NULL && inner->parent == node &&
                   inner->children == NULL && inner->properties != NULL && inner->next != NULL &&
                   strcmp((const char *)inner->next->content, "d") == 0 && inner->next->next == NULL;
    }
    Py_XDECREF((PyObject *)element);
    Py_XDECREF(root);
    return is_right;
}

static int check_lxml(PyObject *etree) {
    long major = -1, minor = -1;
    PyObject *stated = PyObject_GetAttrString(etree, "__version__");
    int status = 0;
    if (stated == NULL || sscanf(LXML_VERSION_STRING, "%ld.%ld", &major, &minor) != 2 ||
        !is_version(etree, "LXML_VERSION", major, minor))
        status = refuse("built for lxml " LXML_VERSION_STRING ", here is lxml %S", stated ? stated : Py_None);
    else if (!is_version(etree, "LIBXML_VERSION", LIBXML_VERSION / 10000, LIBXML_VERSION / 100 % 100))
        status = refuse("built for libxml2 " LIBXML_DOTTED_VERSION ", lxml %S has another one", stated);
    else if (import_lxml__etree() < 0)
        status = FAILED;
    else if (!is_layout_right(etree))
        status = refuse("the elements of lxml %S are not laid out as expected", stated);
    Py_XDECREF(stated);
    return status;
}

static int initialise(PyObject *module) {
    const char *pure = getenv("BROADSHEET_PURE");
    if (pure != NULL && pure[0] != '\0' && strcmp(pure, "0") != 0) {
        PyErr_SetString(PyExc_ImportError, "BROADSHEET_PURE is set");
        return FAILED;
    }
    PyObject *etree = PyImport_ImportModule("lxml.etree");
    int status = etree == NULL ? FAILED : check_lxml(etree);
    Py_XDECREF(etree);
    if (status < 0 && !PyErr_ExceptionMatches(PyExc_ImportError)) {
        PyErr_Clear();
        PyErr_SetString(PyExc_ImportError, "lxml's interface for C is another one than that of " LXML_VERSION_STRING);
    }
    if (status == 0)
        status = PyModule_AddStringConstant(module, "BUILT_FOR",
                                            "lxml " LXML_VERSION_STRING ", libxml2 " LIBXML_DOTTED_VERSION);
    make_crc_table();
    return status;
}

static PyMethodDef METHODS[] = {
    {"read_blocks", read_blocks, METH_VARARGS, "Append the blocks of a tree to a list."},
    {"survey_elements", survey_elements, METH_VARARGS, "Find elements of a tree by tag, names and attributes."},
    {"join_words", join_words, METH_VARARGS, "Return the words of a text with a space between them."},
    {"hash_words", hash_words, METH_VARARGS, "Return the hashes of a text's words."},
    {"hash_names", hash_names, METH_VARARGS, "Return the hashes of the names along a path."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot SLOTS[] = {{Py_mod_exec, (void *)initialise}, {0, NULL}};

static struct PyModuleDef MODULE = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_doc = "Functions of the cleaners in C, with the same results as the Python code beside them.",
    .m_methods = METHODS,
    .m_slots = SLOTS,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&MODULE); }

/* Buffers, and properties of UTF-8 texts as Python's `str` sees them. */

#include "native.h"

int reserve_bytes(Buffer *buffer, Py_ssize_t extra) {
    if (extra <= buffer->capacity - buffer->size)
        return 0;
    Py_ssize_t capacity = (buffer->size + extra) * 2 + 64;
    char *bytes = PyMem_Realloc(buffer->bytes, (size_t)capacity);
    if (bytes == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return 0;
}

int append_bytes(Buffer *buffer, const char *bytes, Py_ssize_t size) {
    if (reserve_bytes(buffer, size) < 0)
        return FAILED;
    if (size > 0)
        memcpy(buffer->bytes + buffer->size, bytes, (size_t)size);
    buffer->size += size;
    return 0;
}

void free_buffer(Buffer *buffer) {
    PyMem_Free(buffer->bytes);
    memset(buffer, 0, sizeof *buffer);
}

int grow_array(void **entries, Py_ssize_t count, Py_ssize_t *capacity, size_t entry_size) {
    if (count < *capacity)
        return 0;
    Py_ssize_t new_capacity = *capacity ? *capacity * 2 : 32;
    void *grown = PyMem_Realloc(*entries, (size_t)new_capacity * entry_size);
    if (grown == NULL) {
        PyErr_NoMemory();
        return FAILED;
    }
    *entries = grown;
    *capacity = new_capacity;
    return 0;
}

Py_UCS4 read_character(const char **cursor) {
    const unsigned char *bytes = (const unsigned char *)*cursor;
    if (bytes[0] < 0x80) {
        *cursor += 1;
        return bytes[0];
    }
    if (bytes[0] < 0xe0) {
        *cursor += 2;
        return (Py_UCS4)((bytes[0] & 0x1f) << 6 | (bytes[1] & 0x3f));
    }
    if (bytes[0] < 0xf0) {
        *cursor += 3;
        return (Py_UCS4)((bytes[0] & 0x0f) << 12 | (bytes[1] & 0x3f) << 6 | (bytes[2] & 0x3f));
    }
    *cursor += 4;
    return (Py_UCS4)((bytes[0] & 0x07) << 18 | (bytes[1] & 0x3f) << 12 | (bytes[2] & 0x3f) << 6 | (bytes[3] & 0x3f));
}

/* Characters of which any text is in NFC: those that NFC leaves alone and that combine with no other one. Only common
 * scripts; what is missing here costs time, not correctness. A test compares the ranges with `unicodedata`. */
static const Py_UCS4 COMPOSED_RANGES[][2] = {
    {0x00000, 0x002ff}, {0x00388, 0x00482}, {0x0048a, 0x0052f}, {0x005d0, 0x005ea}, {0x00621, 0x0064a},
    {0x00660, 0x0066f}, {0x00e01, 0x00e37}, {0x00e3f, 0x00e47}, {0x01e00, 0x01eff}, {0x02002, 0x020cf},
    {0x02100, 0x02125}, {0x02127, 0x02129}, {0x0212c, 0x02328}, {0x0232b, 0x02adb}, {0x03000, 0x03029},
    {0x03030, 0x03098}, {0x0309b, 0x04dbf}, {0x04e00, 0x09fff}, {0x0ac00, 0x0d7a3}, {0x0e000, 0x0f8ff},
    {0x0fe30, 0x0fffd}, {0x1f000, 0x1faff}, {0x20000, 0x2a6df},
};

int is_composed(Py_UCS4 character) {
    const int count = sizeof COMPOSED_RANGES / sizeof *COMPOSED_RANGES;
    for (int n = 0; n < count && character >= COMPOSED_RANGES[n][0]; n++)
        if (character <= COMPOSED_RANGES[n][1])
            return 1;
    return 0;
}

/* Return the size of the valid UTF-8 sequence that a text of some bytes begins with, 0 if there is none. */
static int sequence_size(const unsigned char *text, Py_ssize_t size) {
    unsigned char lead = text[0], least = 0x80, most = 0xbf;
    int count = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (count == 0 || count > size)
        return 0;
    if (lead == 0xe0)
        least = 0xa0; /* not longer than needed */
    else if (lead == 0xed)
        most = 0x9f; /* no surrogate */
    else if (lead == 0xf0)
        least = 0x90;
    else if (lead == 0xf4)
        most = 0x8f;
    if (text[1] < least || text[1] > most)
        return 0;
    for (int n = 2; n < count; n++)
        if ((text[n] & 0xc0) != 0x80)
            return 0;
    return count;
}

int scan_text(const char *text, Py_ssize_t size) {
    int properties = TEXT_ASCII | TEXT_SPACE | TEXT_BLANK | TEXT_COMPOSED;
    const unsigned char *bytes = (const unsigned char *)text;
    for (Py_ssize_t at = 0; at < size;) {
        unsigned char byte = bytes[at];
        if (byte < 0x80) {
            at++;
            if (!is_ascii_space(byte))
                properties &= ~(TEXT_SPACE | TEXT_BLANK);
            else if (byte == 0x0c || byte >= 0x1c)
                properties &= byte == ' ' ? ~0 : ~TEXT_BLANK;
            continue;
        }
        int count = sequence_size(bytes + at, size - at);
        if (count == 0)
            return UNUSUAL;
        const char *cursor = text + at;
        Py_UCS4 character = read_character(&cursor);
        at += count;
        properties &= ~(TEXT_ASCII | TEXT_BLANK);
        if (!Py_UNICODE_ISSPACE(character))
            properties &= ~TEXT_SPACE;
        if (!is_composed(character))
            properties &= ~TEXT_COMPOSED;
    }
    return properties;
}

Py_ssize_t leading_space(const char *text, Py_ssize_t size) {
    const char *cursor = text, *next = text;
    while (next < text + size) {
        Py_UCS4 character = read_character(&next); /* the macro may read its argument twice */
        if (!Py_UNICODE_ISSPACE(character))
            break;
        cursor = next;
    }
    return cursor - text;
}

Py_ssize_t trailing_space(const char *text, Py_ssize_t size) {
    Py_ssize_t end = size;
    while (end > 0) {
        Py_ssize_t start = end - 1;
        while (start > 0 && ((unsigned char)text[start] & 0xc0) == 0x80)
            start--;
        const char *cursor = text + start;
        Py_UCS4 character = read_character(&cursor);
        if (!Py_UNICODE_ISSPACE(character))
            break;
        end = start;
    }
    return size - end;
}

Py_ssize_t count_characters(const char *text, Py_ssize_t size) {
    Py_ssize_t count = 0;
    for (Py_ssize_t at = 0; at < size; at++)
        count += ((unsigned char)text[at] & 0xc0) != 0x80;
    return count;
}

Py_ssize_t count_words(const char *text, Py_ssize_t size) {
    const char *cursor = text, *end = text + size;
    Py_ssize_t count = 0;
    int is_after_space = 1;
    while (cursor < end) {
        Py_UCS4 character = read_character(&cursor);
        int is_space = Py_UNICODE_ISSPACE(character) != 0;
        count += is_after_space && !is_space;
        is_after_space = is_space;
    }
    return count;
}

PyObject *new_text(const char *text, Py_ssize_t size) {
    return PyUnicode_DecodeUTF8(text, size, "strict");
}

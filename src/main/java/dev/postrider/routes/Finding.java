package dev.postrider.routes;

/**
 * One mistake in a route file, said so that its author can mend it: where it is, and what to write instead.
 *
 * @param file the path of the file, relative to the routes folder
 * @param line counted from 1
 * @param column counted from 1
 */
public record Finding(String file, int line, int column, String message) {

    static Finding at(String file, YamlNode node, String message) {
        return new Finding(file, node.line(), node.column(), message);
    }

    /** As compilers write it, so that terminals and editors make it a link. */
    @Override
    public String toString() {
        return file + ":" + line + ":" + column + ": " + message;
    }
}

package dev.postrider.routes;

import java.util.Comparator;
import java.util.List;

/**
 * The text of one route file at one moment, and where it was read.
 *
 * @param path relative to the routes folder, with forward slashes: the identity of the file
 * @param location the URL it was read from; shown by Camel as the source of its routes
 */
record RouteFile(String path, String location, String text) {

    /** What others build on comes first; inside a folder the alphabet decides, so that every start is the same. */
    static final Comparator<RouteFile> LOADING_ORDER =
            Comparator.comparingInt(RouteFile::rank).thenComparing(RouteFile::path);

    private static final List<String> FOLDERS = List.of("kamelets/", "engine/", "providers/", "tasks/");

    private int rank() {
        if (path.endsWith(".kamelet.yaml")) {
            return 0;
        }
        // No route and no kamelet: beans and route configurations, which routes of any folder may use.
        if (!text.contains("from:")) {
            return 1;
        }
        int folder = 0;
        while (folder < FOLDERS.size() && !path.startsWith(FOLDERS.get(folder))) {
            folder++;
        }
        return 2 + folder;
    }

    boolean isEngine() {
        return path.startsWith("engine/") || path.startsWith("kamelets/");
    }
}

package dev.postrider.tenancy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A query that routes run as the tenant: its file below {@code db/queries}, and its SQL with $1, $2, … for parameters. */
record Query(String file, String sql, List<String> parameters) {

    private static final Path FOLDER = Path.of("db", "queries");
    private static final Pattern PARAMETER = Pattern.compile(":#\\$\\{((?:[^{}]|\\{[^{}]*})*)}");
    private static final Pattern OF_ANOTHER_ROLE =
            Pattern.compile("sql:classpath:db/queries/(\\S+)\\s+parameters:\\s+dataSource: \"#(?!tenant)");

    /** All but those that routes run as another role, those of analysts and operators, and those with a bare {@code ?}, which Java calls. */
    static List<Query> ofTenants() {
        Set<String> others = files(Path.of("routes")).stream()
                .flatMap(file -> OF_ANOTHER_ROLE.matcher(read(file)).results())
                .map(use -> use.group(1))
                .collect(Collectors.toSet());
        return files(FOLDER).stream()
                .map(file -> FOLDER.relativize(file).toString())
                .filter(file ->
                        !others.contains(file) && !file.startsWith("analytics/") && !file.startsWith("operations/"))
                .map(Query::of)
                .filter(query -> !query.sql().contains("?"))
                .toList();
    }

    static Query of(String file) {
        List<String> parameters = new ArrayList<>();
        String sql = PARAMETER.matcher(read(FOLDER.resolve(file))).replaceAll(parameter -> {
            parameters.add(parameter.group(1));
            return Matcher.quoteReplacement("$" + parameters.size());
        });
        return new Query(file, sql, parameters);
    }

    /** The parameters' values, each found by its expression. */
    List<String> values(Map<String, String> known) {
        assertThat(known.keySet())
                .as("%s has a parameter without a value to explain it with: give it one", file)
                .containsAll(parameters);
        return parameters.stream().map(known::get).toList();
    }

    boolean isList() {
        return Path.of(file).getFileName().toString().startsWith("list-");
    }

    private static List<Path> files(Path folder) {
        try (var files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

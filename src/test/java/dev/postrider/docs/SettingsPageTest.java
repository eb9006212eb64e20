package dev.postrider.docs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Executable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Value;

/** {@code docs/reference/settings.md} lists the settings that there are, with their defaults. */
class SettingsPageTest {

    private static final String PAGE = "docs/reference/settings.md";
    private static final Path CLASSES = Path.of("target/classes");
    private static final Pattern PLACEHOLDER = Pattern.compile("(?:\\$\\{|\\{\\{)(postrider\\.[a-z.-]+)");

    @Test
    void thePageListsEachSettingWithItsDefault() throws IOException {
        Map<String, String> listed = new TreeMap<>();
        Pages.rows(PAGE).forEach(row -> listed.put(Pages.name(row.get(0)), Pages.name(row.get(1))));
        assertThat(listed).isEqualTo(described());
        assertThat(Pages.rows(PAGE))
                .allSatisfy(row -> assertThat(row.get(2)).as(row.get(0)).isNotEmpty());
    }

    /** Records describe themselves when they are compiled; a setting that is read elsewhere has to be described by hand. */
    @Test
    void whatCodeAndRoutesReadIsDescribed() throws Exception {
        Set<String> read = new TreeSet<>();
        try (Stream<Path> files = Files.walk(CLASSES.resolve("dev/postrider"))) {
            for (Path file :
                    files.filter(path -> path.toString().endsWith(".class")).toList()) {
                String name =
                        CLASSES.relativize(file).toString().replace('/', '.').replaceFirst("\\.class$", "");
                Class<?> type = Class.forName(name, false, getClass().getClassLoader());
                injected(type).forEach(value -> read.addAll(names(value)));
            }
        }
        assertThat(read).as("found in Java").contains("postrider.directory");
        try (Stream<Path> files = Files.walk(Path.of("routes"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                read.addAll(names(Files.readString(file)));
            }
        }
        assertThat(described().keySet()).containsAll(read);
    }

    private static Stream<String> injected(Class<?> type) {
        Stream<AnnotatedElement> parameters = Stream.<Executable>concat(
                        Arrays.stream(type.getDeclaredConstructors()), Arrays.stream(type.getDeclaredMethods()))
                .flatMap(executable -> Arrays.stream(executable.getParameters()));
        return Stream.of(parameters, Arrays.<AnnotatedElement>stream(type.getDeclaredFields()))
                .flatMap(Function.identity())
                .filter(element -> element.isAnnotationPresent(Value.class))
                .map(element -> element.getAnnotation(Value.class).value());
    }

    private static Set<String> names(String text) {
        Set<String> names = new TreeSet<>();
        Matcher placeholders = PLACEHOLDER.matcher(text);
        while (placeholders.find()) {
            names.add(placeholders.group(1));
        }
        return names;
    }

    private static Map<String, String> described() throws IOException {
        Map<String, String> defaults = new TreeMap<>();
        JsonNode metadata = new ObjectMapper()
                .readTree(CLASSES.resolve("META-INF/spring-configuration-metadata.json")
                        .toFile());
        for (JsonNode property : metadata.path("properties")) {
            if (property.path("name").asText().startsWith("management.")) {
                continue; // what Spring gives each actuator endpoint
            }
            defaults.put(
                    property.path("name").asText(),
                    // A list is described as Java prints it, and given with commas.
                    property.path("defaultValue")
                            .asText("")
                            .replaceFirst("^\\[(.*)]$", "$1")
                            .replace(", ", ","));
        }
        return defaults;
    }
}

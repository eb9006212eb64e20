package dev.postrider.routes;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The gate of the build: no route file with a finding is ever packaged. */
class RoutesOfTheProjectTest {

    @Test
    void everyRouteFileIsClean() throws IOException {
        RouteLint lint = new RouteLint();
        List<Finding> findings = new ArrayList<>();
        List<RouteDocument> documents = new ArrayList<>();
        for (RouteFile file :
                RouteFiles.of(Path.of("routes").toAbsolutePath()).read().values()) {
            RouteDocument.Parsed parsed = RouteDocument.parse(file.path(), file.text());
            findings.addAll(parsed.findings());
            parsed.document().ifPresent(documents::add);
        }
        documents.forEach(document -> findings.addAll(lint.check(document, documents)));
        assertThat(findings.stream().map(Finding::toString)).isEmpty();
    }
}

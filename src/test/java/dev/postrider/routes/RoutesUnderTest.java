package dev.postrider.routes;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.camel.component.direct.DirectComponent;
import org.apache.camel.impl.DefaultCamelContext;
import org.slf4j.LoggerFactory;

/** A running CamelContext with a folder of route files, as an application has it, without the application. */
final class RoutesUnderTest implements AutoCloseable {

    final DefaultCamelContext context = new DefaultCamelContext();
    final RouteErrors errors = new RouteErrors(Clock.systemUTC());
    final Path folder;
    final Map<String, RouteFile> packaged = new TreeMap<>();
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private final Logger logger = (Logger) LoggerFactory.getLogger(RouteLoader.class);
    private RouteLoader loader;
    private Runnable settling = () -> {};

    RoutesUnderTest(Path folder) {
        this.folder = folder;
        log.start();
        logger.addAppender(log);
        // A question that nobody answers fails at once instead of waiting for half a minute.
        context.getComponent("direct", DirectComponent.class).setBlock(false);
        context.start();
    }

    /** A route that answers, when it is asked at {@code direct:<id>}. */
    static String answering(String id, String answer) {
        return """
                - route:
                    id: %s
                    description: Answers.
                    from:
                      uri: direct:%s
                      steps:
                        - setBody:
                            constant: %s
                """.formatted(id, id, answer);
    }

    RoutesUnderTest packaged(String path, String text) {
        packaged.put(path, new RouteFile(path, "classpath:routes/" + path, text));
        return this;
    }

    RoutesUnderTest write(String path, String text) throws IOException {
        Path file = folder.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
        return this;
    }

    /** What happens between two readings of the folder, in place of time passing. */
    RoutesUnderTest whileSettling(Runnable happens) {
        settling = happens;
        return this;
    }

    RoutesUnderTest delete(String path) throws IOException {
        Files.delete(folder.resolve(path));
        return this;
    }

    RouteLoader loader() {
        if (loader == null) {
            loader = new RouteLoader(context, new RouteFiles(packaged, folder, () -> settling.run()), errors);
        }
        return loader;
    }

    /** What the next look of the watch does. */
    RoutesUnderTest look() {
        loader().applyChanges();
        return this;
    }

    String ask(String id) {
        return context.createProducerTemplate().requestBody("direct:" + id, null, String.class);
    }

    boolean runs(String id) {
        return context.getRoute(id) != null
                && context.getRouteController().getRouteStatus(id).isStarted();
    }

    List<String> broken() {
        return errors.current().stream().map(Finding::toString).toList();
    }

    List<String> errorLines() {
        return log.list.stream()
                .filter(event -> event.getLevel().toString().equals("ERROR"))
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    List<String> logLines() {
        return List.copyOf(log.list).stream()
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    @Override
    public void close() {
        context.stop();
        logger.detachAppender(log);
    }
}

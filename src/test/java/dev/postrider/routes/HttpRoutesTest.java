package dev.postrider.routes;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.camel.CamelContext;
import org.apache.camel.component.platform.http.springboot.PlatformHttpComponentAutoConfiguration;
import org.apache.camel.component.platform.http.springboot.SpringBootPlatformHttpAutoConfiguration;
import org.apache.camel.spring.boot.CamelAutoConfiguration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.task.TaskExecutionAutoConfiguration;
import org.springframework.boot.autoconfigure.web.servlet.DispatcherServletAutoConfiguration;
import org.springframework.boot.autoconfigure.web.servlet.ServletWebServerFactoryAutoConfiguration;
import org.springframework.boot.autoconfigure.web.servlet.WebMvcAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Import;

/** A route that listens on HTTP comes, changes and goes with its file, as any other. */
class HttpRoutesTest {

    @ImportAutoConfiguration({
        CamelAutoConfiguration.class,
        TaskExecutionAutoConfiguration.class,
        ServletWebServerFactoryAutoConfiguration.class,
        DispatcherServletAutoConfiguration.class,
        WebMvcAutoConfiguration.class,
        PlatformHttpComponentAutoConfiguration.class,
        SpringBootPlatformHttpAutoConfiguration.class
    })
    @Import(RoutesConfiguration.class)
    static class OnlyRoutesAndHttp {}

    @TempDir
    Path folder;

    private ConfigurableApplicationContext application;

    @BeforeEach
    void start() throws IOException {
        write("/a", "one");
        application = new SpringApplicationBuilder(OnlyRoutesAndHttp.class)
                .properties(
                        "postrider.routes.directory=" + folder,
                        "postrider.routes.reload-interval=0",
                        "server.port=0",
                        "spring.config.name=none")
                .run();
    }

    @AfterEach
    void stop() {
        application.close();
    }

    private void write(String path, String answer) throws IOException {
        Files.writeString(folder.resolve("a.camel.yaml"), """
                - route:
                    id: a
                    description: Answers over HTTP.
                    from:
                      uri: platform-http:%s?useStreaming=true
                      steps:
                        - setBody: {constant: %s}
                """.formatted(path, answer));
    }

    private String get(String path) throws Exception {
        String port = application.getEnvironment().getProperty("local.server.port");
        var answer = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create("http://localhost:" + port + path))
                                .build(),
                        BodyHandlers.ofString());
        return answer.statusCode() == 200 ? answer.body() : String.valueOf(answer.statusCode());
    }

    @Test
    void aPathThatIsGoneAnswersAsIfItHadNeverBeen() throws Exception {
        RouteLoader loader = application.getBean(RouteLoader.class);
        assertThat(get("/a")).isEqualTo("one");

        write("/a", "two");
        loader.reload();
        assertThat(get("/a")).isEqualTo("two");

        write("/b", "three");
        loader.reload();
        assertThat(get("/b")).isEqualTo("three");
        assertThat(get("/a")).isEqualTo("404");

        Files.delete(folder.resolve("a.camel.yaml"));
        loader.reload();
        assertThat(get("/b")).isEqualTo("404");
    }

    @Test
    void aStoppedRouteKeepsItsPath() throws Exception {
        application.getBean(CamelContext.class).getRouteController().stopRoute("a");

        assertThat(get("/a")).isEqualTo("500");
    }
}

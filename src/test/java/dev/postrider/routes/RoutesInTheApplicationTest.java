package dev.postrider.routes;

import static dev.postrider.routes.RoutesUnderTest.answering;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.apache.camel.CamelContext;
import org.apache.camel.component.kamelet.KameletComponent;
import org.apache.camel.spring.boot.CamelAutoConfiguration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.jmx.JmxAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Import;

/** Loading, watching and the MBean, wired as in the application, of which nothing else is started. */
class RoutesInTheApplicationTest {

    @ImportAutoConfiguration({CamelAutoConfiguration.class, JmxAutoConfiguration.class})
    @Import(RoutesConfiguration.class)
    static class OnlyRoutes {}

    @TempDir
    Path folder;

    private ConfigurableApplicationContext application;

    @BeforeEach
    void start() throws Exception {
        write("tasks/a.camel.yaml", answering("a", "one"));
        write("tasks/broken.camel.yaml", "- route: {");
        application = new SpringApplicationBuilder(OnlyRoutes.class)
                .web(WebApplicationType.NONE)
                .properties(
                        "postrider.routes.directory=" + folder,
                        "postrider.routes.reload-interval=20",
                        "spring.jmx.enabled=true",
                        "spring.jmx.registration-policy=replace-existing",
                        "spring.config.name=none")
                .run();
    }

    @AfterEach
    void stop() {
        application.close();
    }

    private void write(String path, String text) throws Exception {
        Path file = folder.resolve(path);
        Files.createDirectories(file.getParent());
        Path whole = Files.writeString(folder.resolve("writing.tmp"), text);
        Files.move(whole, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    }

    private String ask(String id) {
        return application
                .getBean(CamelContext.class)
                .createProducerTemplate()
                .requestBody("direct:" + id, null, String.class);
    }

    private static Object attribute(String name) throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        return server.getAttribute(new ObjectName("dev.postrider:type=Routes"), name);
    }

    @Test
    void changesOfTheFolderTakeEffectByThemselves() throws Exception {
        assertThat(ask("a")).isEqualTo("one");

        write("tasks/a.camel.yaml", answering("a", "two"));
        write("tasks/later/b.camel.yaml", answering("b", "new"));
        await().until(() -> attribute("LoadedFiles").toString().contains("later/b"));
        await().untilAsserted(() -> assertThat(ask("a")).isEqualTo("two"));
        assertThat(ask("b")).isEqualTo("new");

        Files.delete(folder.resolve("tasks/later/b.camel.yaml"));
        await().until(() -> application.getBean(CamelContext.class).getRoute("b") == null);
    }

    @Test
    void operatorsSeeTheLastErrorAndReload() throws Exception {
        assertThat(attribute("LastErrorFile")).isEqualTo("tasks/broken.camel.yaml");
        assertThat(attribute("LastErrorLine")).isEqualTo(1);
        assertThat(attribute("LastErrorMessage").toString()).contains("not valid YAML");
        assertThat(attribute("LastErrorTime").toString()).endsWith("Z");

        write("tasks/broken.camel.yaml", answering("broken", "mended"));
        Object answer = ManagementFactory.getPlatformMBeanServer()
                .invoke(new ObjectName("dev.postrider:type=Routes"), "reload", new Object[0], new String[0]);

        assertThat(answer).isEqualTo("all route files run");
        assertThat(attribute("ReloadCount")).isEqualTo(1L);
        assertThat(attribute("Errors").toString()).isEqualTo("[]");
        assertThat(ask("broken")).isEqualTo("mended");
    }

    @Test
    void kameletsOfTheFolderComeBeforeThePackagedOnes() {
        CamelContext context = application.getBean(CamelContext.class);

        assertThat(context.getComponent("kamelet", KameletComponent.class).getLocation())
                .startsWith(folder.resolve("kamelets").toUri().toString())
                .endsWith(",classpath:routes/kamelets");
    }
}

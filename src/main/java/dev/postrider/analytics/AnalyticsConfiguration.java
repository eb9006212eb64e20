package dev.postrider.analytics;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.zaxxer.hikari.HikariDataSource;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;

/** What operators read of all workspaces, by the analyst's data source. */
@Configuration(proxyBeanMethods = false)
public class AnalyticsConfiguration {

    private static final int LONGEST_QUERY = 120; // seconds; a browser, and a transaction on the primary, waits for it

    /** The analyst's data source is found by its name only. */
    @Bean
    FiguresEndpoint figuresEndpoint(BeanFactory beans, ObjectMapper mapper) {
        JdbcTemplate analyst = new JdbcTemplate(beans.getBean("analyst", HikariDataSource.class));
        analyst.setQueryTimeout(LONGEST_QUERY);
        return new FiguresEndpoint(analyst, new FiguresPage(), mapper);
    }
}

// The vendor's Go SDK v2 against the emulator: both ways of signing, both ways of addressing.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
)

type facts struct {
	Endpoint string `json:"oss_endpoint"`
	Region   string `json:"region"`
	Bucket   string `json:"bucket"`
	ID       string `json:"access_key_id"`
	Secret   string `json:"access_key_secret"`
}

var background = context.Background()

// way is one way of signing and addressing, with a prefix of its own.
type way struct {
	facts
	version oss.SignatureVersionType
	virtual bool
	prefix  string
	*oss.Client
}

func (w way) connect(secret string) *oss.Client {
	endpoint := w.Endpoint
	if w.virtual {
		endpoint = "https://oss-" + w.Region + ".aliyuncs.com"
	}
	return oss.NewClient(oss.LoadDefaultConfig().
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(w.ID, secret)).
		WithRegion(w.Region).WithEndpoint(endpoint).WithUsePathStyle(!w.virtual).
		WithSignatureVersion(w.version).WithRetryMaxAttempts(1))
}

func (w way) at(key string) *string { return oss.Ptr(w.prefix + key) }
func (w way) in() *string           { return oss.Ptr(w.Bucket) }

func (w way) put(key string, body []byte) error {
	_, err := w.PutObject(background, &oss.PutObjectRequest{Bucket: w.in(), Key: w.at(key), Body: bytes.NewReader(body)})
	return err
}

func (w way) holds(key string, body []byte) error {
	answer, err := w.GetObject(background, &oss.GetObjectRequest{Bucket: w.in(), Key: w.at(key)})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err == nil && !bytes.Equal(got, body) {
		err = fmt.Errorf("%s: %d bytes that differ from the %d expected", key, len(got), len(body))
	}
	return err
}

func refused(err error, status int, code string) error {
	var service *oss.ServiceError
	if !errors.As(err, &service) || service.StatusCode != status || service.Code != code || service.RequestID == "" {
		return fmt.Errorf("expected %d %s, got: %v", status, code, err)
	}
	return nil
}

func plainly(method, url string, headers map[string]string, body string) (int, string, error) {
	call, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	for name, value := range headers {
		call.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(call)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text), err
}

func content(size int) []byte {
	data := make([]byte, size)
	rand.New(rand.NewSource(int64(size))).Read(data)
	return data
}

func putGetHead(w way) error {
	whole := content(200_003)
	put, err := w.PutObject(background, &oss.PutObjectRequest{Bucket: w.in(), Key: w.at("ä +&%20"),
		Body: bytes.NewReader(whole), Metadata: map[string]string{"colour": "blue"}})
	if err != nil {
		return err
	}
	if put.HashCRC64 == nil {
		return errors.New("an answer without a sum")
	}
	if err := w.holds("ä +&%20", whole); err != nil {
		return err
	}
	head, err := w.HeadObject(background, &oss.HeadObjectRequest{Bucket: w.in(), Key: w.at("ä +&%20")})
	if err != nil {
		return err
	}
	if head.ContentLength != int64(len(whole)) || head.Metadata["colour"] != "blue" {
		return fmt.Errorf("%+v", head)
	}
	_, err = w.GetObject(background, &oss.GetObjectRequest{Bucket: w.in(), Key: w.at("ä +&%20"),
		Range: oss.Ptr("bytes=900000-900001"), RangeBehavior: oss.Ptr("standard")})
	if err := refused(err, 416, "InvalidRange"); err != nil {
		return err
	}
	_, err = w.PutObject(background, &oss.PutObjectRequest{Bucket: w.in(), Key: w.at("ä +&%20"),
		Body: strings.NewReader("x"), ForbidOverwrite: oss.Ptr("true")})
	return refused(err, 409, "FileAlreadyExists")
}

func listings(w way) error {
	for _, key := range []string{"l/1", "l/2", "l/deep/3", "l/5 &<>"} {
		if err := w.put(key, []byte("x")); err != nil {
			return err
		}
	}
	var seen []string
	pages := w.NewListObjectsV2Paginator(&oss.ListObjectsV2Request{Bucket: w.in(), Prefix: w.at("l/"),
		Delimiter: oss.Ptr("/"), MaxKeys: 2})
	for pages.HasNext() {
		page, err := pages.NextPage(background)
		if err != nil {
			return err
		}
		for _, object := range page.Contents {
			seen = append(seen, strings.TrimPrefix(*object.Key, w.prefix))
		}
		for _, prefix := range page.CommonPrefixes {
			seen = append(seen, strings.TrimPrefix(*prefix.Prefix, w.prefix))
		}
	}
	if got := strings.Join(seen, "|"); got != "l/1|l/2|l/5 &<>|l/deep/" {
		return errors.New(got)
	}
	return nil
}

func inParts(w way) error {
	whole := content(900_001)
	_, err := w.NewUploader(func(o *oss.UploaderOptions) { o.PartSize = 200_000; o.ParallelNum = 3 }).
		UploadFrom(background, &oss.PutObjectRequest{Bucket: w.in(), Key: w.at("up")}, bytes.NewReader(whole))
	if err != nil {
		return err
	}
	path := filepath.Join(os.Getenv("HOME"), "down")
	_, err = w.NewDownloader(func(o *oss.DownloaderOptions) { o.PartSize = 200_000; o.ParallelNum = 3 }).
		DownloadFile(background, &oss.GetObjectRequest{Bucket: w.in(), Key: w.at("up")}, path)
	if err != nil {
		return err
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, whole) {
		return fmt.Errorf("downloaded: %v", err)
	}
	_, err = w.NewCopier(func(o *oss.CopierOptions) {
		o.PartSize, o.MultipartCopyThreshold, o.DisableShallowCopy = 300_000, 1, true
	}).Copy(background, &oss.CopyObjectRequest{Bucket: w.in(), Key: w.at("copied"), SourceKey: w.at("up")})
	if err != nil {
		return err
	}
	return w.holds("copied", whole)
}

func appendLinkDelete(w way) error {
	first, err := w.AppendObject(background, &oss.AppendObjectRequest{Bucket: w.in(), Key: w.at("grown"),
		Position: oss.Ptr(int64(0)), Body: strings.NewReader("hello ")})
	if err != nil {
		return err
	}
	_, err = w.AppendObject(background, &oss.AppendObjectRequest{Bucket: w.in(), Key: w.at("grown"),
		Position: oss.Ptr(first.NextPosition), Body: strings.NewReader("world")})
	if err != nil {
		return err
	}
	_, err = w.PutSymlink(background, &oss.PutSymlinkRequest{Bucket: w.in(), Key: w.at("link"), Target: w.at("grown")})
	if err != nil {
		return err
	}
	if err := w.holds("link", []byte("hello world")); err != nil {
		return err
	}
	file, err := w.OpenFile(background, w.Bucket, *w.at("grown"))
	if err != nil {
		return err
	}
	defer file.Close()
	tail := make([]byte, 5)
	if _, err := file.Seek(6, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.ReadFull(file, tail); err != nil || string(tail) != "world" {
		return fmt.Errorf("%q %v", tail, err)
	}
	gone, err := w.DeleteMultipleObjects(background, &oss.DeleteMultipleObjectsRequest{Bucket: w.in(),
		Objects: []oss.DeleteObject{{Key: w.at("grown")}, {Key: w.at("link")}}})
	if err != nil || len(gone.DeletedObjects) != 2 {
		return fmt.Errorf("%+v %v", gone, err)
	}
	_, err = w.GetObject(background, &oss.GetObjectRequest{Bucket: w.in(), Key: w.at("grown")})
	return refused(err, 404, "NoSuchKey")
}

func presigned(w way) error {
	there, err := w.Presign(background, &oss.PutObjectRequest{Bucket: w.in(), Key: w.at("url ä+"),
		ContentType: oss.Ptr("text/x-url")}, oss.PresignExpires(time.Minute))
	if err != nil {
		return err
	}
	if status, text, err := plainly(there.Method, there.URL, there.SignedHeaders, "by url"); err != nil || status != 200 {
		return fmt.Errorf("%d %s %v", status, text, err)
	}
	back, err := w.Presign(background, &oss.GetObjectRequest{Bucket: w.in(), Key: w.at("url ä+")})
	if err != nil {
		return err
	}
	if _, text, err := plainly(back.Method, back.URL, back.SignedHeaders, ""); err != nil || text != "by url" {
		return fmt.Errorf("%s %v", text, err)
	}
	if status, _, err := plainly("DELETE", back.URL, nil, ""); err != nil || status != 403 {
		return fmt.Errorf("a URL to get deleted: %d %v", status, err)
	}
	_, err = w.connect("wrong").GetObject(background, &oss.GetObjectRequest{Bucket: w.in(), Key: w.at("url ä+")})
	return refused(err, 403, "SignatureDoesNotMatch")
}

// stsfsURL is what `stsfs sign-url` prints; it lives for 300 seconds.
func (w way) stsfsURL(method, key string, options ...string) (string, error) {
	endpoint, addressing, version := w.Endpoint, "path", "v1"
	if w.virtual {
		endpoint, addressing = "https://oss-"+w.Region+".aliyuncs.com", "virtual"
	}
	if w.version == oss.SignatureVersionV4 {
		version = "v4"
	}
	command := exec.Command(os.Getenv("STSFS"), append([]string{"sign-url", method, "oss://" + w.Bucket + "/" + key,
		"--endpoint", endpoint, "--addressing", addressing, "--region", w.Region, "--sign-version", version,
		"--expires", "300s"}, options...)...)
	command.Env = append(os.Environ(), "ALIBABA_CLOUD_ACCESS_KEY_ID="+w.ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+w.Secret)
	command.Stderr = os.Stderr
	said, err := command.Output()
	return strings.TrimSpace(string(said)), err
}

// beside makes two URLs in the same second, and says how they differ.
func beside(ours, theirs func() (string, error)) error {
	made := func(make func() (string, error)) (*url.URL, string, error) {
		text, err := make()
		if err != nil {
			return nil, "", err
		}
		parsed, err := url.Parse(text)
		if err != nil {
			return nil, "", err
		}
		query := parsed.Query()
		return parsed, query.Get("Expires") + query.Get("x-oss-date"), nil
	}
	for i := 0; i < 50; i++ {
		mine, moment, err := made(ours)
		if err != nil {
			return err
		}
		their, second, err := made(theirs)
		if err != nil {
			return err
		}
		if moment != second {
			continue
		}
		if mine.Hostname() != their.Hostname() || mine.Path != their.Path || !reflect.DeepEqual(mine.Query(), their.Query()) {
			return fmt.Errorf("stsfs made %s\nand the SDK %s", mine, their)
		}
		return nil
	}
	return errors.New("never in the same second")
}

func sameURLs(w way) error {
	key := w.at("url ä+~!'()*")
	for _, row := range []struct {
		method  string
		request any
		options []string
	}{
		{"get", &oss.GetObjectRequest{Bucket: w.in(), Key: key}, nil},
		{"head", &oss.HeadObjectRequest{Bucket: w.in(), Key: key}, nil},
		{"put", &oss.PutObjectRequest{Bucket: w.in(), Key: key, ContentType: oss.Ptr("text/x-url"),
			Metadata: map[string]string{"a": "b"}},
			[]string{"--header", "Content-Type: text/x-url", "--header", "x-oss-meta-a: b"}},
		{"get", &oss.GetObjectRequest{Bucket: w.in(), Key: key, VersionId: oss.Ptr("CAEQ+/="),
			ResponseContentType: oss.Ptr("x/back; a=b+c")},
			[]string{"--version-id", "CAEQ+/=", "--query", "response-content-type=x/back; a=b+c"}},
		{"put", &oss.UploadPartRequest{Bucket: w.in(), Key: key, UploadId: oss.Ptr("U"), PartNumber: 7},
			[]string{"--query", "uploadId=U", "--query", "partNumber=7"}},
		{"delete", &oss.AbortMultipartUploadRequest{Bucket: w.in(), Key: key, UploadId: oss.Ptr("U")},
			[]string{"--query", "uploadId=U"}},
	} {
		err := beside(func() (string, error) { return w.stsfsURL(row.method, *key, row.options...) },
			func() (string, error) {
				made, err := w.Presign(background, row.request, oss.PresignExpires(5*time.Minute))
				if err != nil {
					return "", err
				}
				return made.URL, nil
			})
		if err != nil {
			return fmt.Errorf("%s %v: %w", row.method, row.options, err)
		}
	}
	return nil
}

func main() {
	var known facts
	if err := json.Unmarshal([]byte(os.Getenv("EMULATOR")), &known); err != nil {
		fmt.Println("EMULATOR:", err)
		os.Exit(2)
	}
	styles := []bool{false}
	if os.Getenv("VENDOR_NAMES") == "1" {
		styles = append(styles, true)
	}
	failed := 0
	for _, version := range []oss.SignatureVersionType{oss.SignatureVersionV1, oss.SignatureVersionV4} {
		for _, virtual := range styles {
			w := way{facts: known, version: version, virtual: virtual,
				prefix: fmt.Sprintf("go/%v-%v/", version, virtual)}
			w.Client = w.connect(known.Secret)
			for _, test := range []struct {
				name string
				run  func(way) error
			}{{"put, get, head", putGetHead}, {"listings", listings}, {"in parts", inParts},
				{"append, link, delete", appendLinkDelete}, {"presigned", presigned},
				{"the URLs that stsfs makes", sameURLs}} {
				if err := test.run(w); err != nil {
					failed++
					fmt.Printf("FAILED: %s%s: %v\n", w.prefix, test.name, err)
				} else {
					fmt.Printf("ok: %s%s\n", w.prefix, test.name)
				}
			}
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}

/** Applications: Compose projects and Kubernetes YAML. */
export const applications: Readonly<Record<string, string>> = {
  "A Compose project that is brought up appears here as a whole.": "Compose 프로젝트를 올리면 여기에 하나로 나타납니다.",
  "Also its volumes, with their data": "볼륨과 그 데이터도 함께",
  "Its containers are stopped and removed with what was written inside of them, then its networks. Its files on this computer stay.":
    "컨테이너를 멈추고 안에 쓴 내용과 함께 지운 뒤 네트워크를 지웁니다. 이 컴퓨터의 파일은 남습니다.",
  "Its containers do not tell which files they were made from.": "어떤 파일로 만들었는지 컨테이너에 남아 있지 않습니다.",
  Services: "서비스",
};
